import { format, resolveConfig } from 'prettier'
import { describe, expect, it } from 'vitest'
import { optionKeys, optionsDocument, optionsHelp } from '../../lib/config/index.js'

describe('docs/options.md', () => {
  // After a change of the table: npx vitest run spec/config/manual.spec.ts -u
  it('says what the table says', async () => {
    const path = new URL('../../docs/options.md', import.meta.url).pathname
    const document = await format(optionsDocument(), { ...(await resolveConfig(path)), parser: 'markdown' })
    await expect(document).toMatchFileSnapshot(path)
  })
})

describe('the help text', () => {
  it('has every option, within the width of the terminal', () => {
    const lines = optionsHelp(80).split('\n')
    for (const { key } of optionKeys)
      expect(lines.filter((line) => line.startsWith(`  --${key} `))).toHaveLength(1)
    expect(lines.filter((line) => !line.startsWith('  --') && line.length > 80)).toEqual([])
  })
})
