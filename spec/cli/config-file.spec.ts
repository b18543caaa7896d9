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
  it('reads JSON', async () => {
    expect(await read('{ "seed": 1 }')).toEqual(E.right({ seed: 1 }))
  })

  it.each([
    ['{ "seed": 1, }', /line 1, column 14/],
    ['{\n  "seed": 1,\n  "use_ema": tru,\n  "model": { "type": "dit" }\n}', /line 3, column 17/],
    ['{\n  "seed": 1\n  "use_ema": true\n}', /line 3/],
    ['', /end of JSON/],
    ['seed = 1', /valid JSON \(Unexpected token 's'\)/],
  ])('says where %j stops being JSON', async (text, where) => {
    const result = await read(text)
    expect(result).toMatchObject({ _tag: 'Left', left: expect.stringMatching(where) as string })
    expect(E.isLeft(result) && result.left.includes('\n')).toBe(false)
  })
})
