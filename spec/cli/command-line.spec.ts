import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commandLine } from '../../lib/cli/index.js'

const run = async (
  ...words: ReadonlyArray<string>
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
  const [printed, told]: [string[], string[]] = [[], []]
  const code = await commandLine(words, {
    print: (text) => printed.push(text),
    tell: (text) => told.push(text),
    interactive: false,
    columns: 100,
  })
  return { code, out: printed.join('\n'), err: told.join('\n') }
}

describe('help', () => {
  it('is what one gets who asks for it in other words', async () => {
    expect(await run('help')).toEqual(await run('--help'))
    expect(await run('help', 'devices')).toEqual(await run('devices', '--help'))
    expect((await run('help', 'train')).out).toContain('--learning_rate')
  })
})

describe('mistakes', () => {
  it.each([
    [['reprot'], ['Did you mean report?', 'deriva --help tells more']],
    [['help', 'trian'], ['Did you mean train?']],
    [
      ['report', 'a', '--ou', 'x'],
      ["'--ou'", 'Did you mean --out?', 'deriva report --help tells more'],
    ],
    [['sample'], ["'RUN'", 'deriva sample --help tells more']],
    [
      ['train', '--model.type=dti'],
      ['--model.type = dti', 'did you mean dit?'],
    ],
    [['train', '--scheduled_sampling_sampler', 'unpic'], ['did you mean unipc?']],
    [
      ['plan', 'seed=1'],
      ['there is no such file or folder', 'options are written --key value'],
    ],
    [
      ['sample', 'a', '--solver', 'huen'],
      ['--solver = huen', 'did you mean heun?'],
    ],
    // Pictures are PNG, whatever they would be called.
    [
      ['sample', 'a', '--out', 's.jpg'],
      ['--out = s.jpg', 'a path that ends in .png or .safetensors'],
    ],
  ])('%j are refused, and what was meant is found', async (words, parts) => {
    const { code, out, err } = await run(...words)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    for (const part of parts) expect(err).toContain(part)
  })

  it('about where a run goes are found before anything is computed', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'deriva-')), 'file')
    await writeFile(path, '')
    for (const folder of [path, join(path, 'run')]) {
      const { code, err } = await run('train', '--dataset=shapes', '--output_dir', folder)
      expect(code).toBe(2)
      expect(err).toContain(`output_dir = ${folder}`)
      expect(err).toContain('a folder that can be written to')
    }
  })
})
