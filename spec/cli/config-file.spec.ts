import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { readConfigFile } from '../../lib/cli/index.js'

const read = async (text: string): Promise<E.Either<string, unknown>> => {
  const path = join(await mkdtemp(join(tmpdir(), 'deriva-')), 'config.json')
  await writeFile(path, text)
  return E.mapLeft(
    ({ problems }: { readonly problems: ReadonlyArray<{ readonly allowed: string }> }) => problems[0].allowed,
  )(await readConfigFile(path)())
}

describe('readConfigFile', () => {
  it('reads JSON, whatever mark an editor has put before it', async () => {
    for (const text of ['{ "seed": 1 }', '\uFEFF{ "seed": 1 }'])
      expect(await read(text)).toEqual(E.right({ seed: 1 }))
  })

  it('says in words why there is nothing to read', async () => {
    const refused = async (path: string): Promise<unknown> => {
      const result = await readConfigFile(path)()
      return E.isLeft(result) ? result.left.problems[0].allowed : undefined
    }
    expect(await refused('absent.json')).toContain('there is no such file or folder (ENOENT)); options are')
    expect(await refused(tmpdir())).toContain('this is a folder')
  })

  it.each([
    ['{ "seed": 1, }', /line 1, column 14/],
    ['{\n  "seed": 1,\n  "use_ema": tru,\n  "model": { "type": "dit" }\n}', /line 3, column 17/],
    ['{\n  "seed": 1\n  "use_ema": true\n}', /line 3/],
    ['', /the file is empty/],
    ['{\n  "seed": 1\n', /line 3, column 1/],
    ['seed = 1', /valid JSON \(Unexpected token 's'\)/],
  ])('says where %j stops being JSON', async (text, where) => {
    const result = await read(text)
    expect(result).toMatchObject({ _tag: 'Left', left: expect.stringMatching(where) as string })
    expect(E.isLeft(result) && result.left.includes('\n')).toBe(false)
  })
})
