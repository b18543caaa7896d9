import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandLine } from '../../lib/cli/command-line.js'
import { optionKeys } from '../../lib/config/index.js'
import { deriva, type Ended, program } from './program.js'

const home = process.cwd()
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deriva-'))
  process.chdir(folder)
})
afterEach(() => {
  process.chdir(home)
})

/** The program as a process of its own. */
const run = (...words: ReadonlyArray<string>): Promise<Ended> => deriva(words, folder)

/** All of the program but its start and its end as a process, which take most of its time. */
const asked = async (...words: ReadonlyArray<string>): Promise<Ended> => {
  let [out, err] = ['', '']
  const code = await commandLine(words, {
    print: (text) => (out += `${text}\n`),
    tell: (text) => (err += `${text}\n`),
    interactive: false,
    columns: 100,
  })
  return { code, out, err }
}

const small = [
  ['--dataset', 'shapes'],
  ['--train_batch_size', '8'],
  ['--model.type', 'dit'],
  ['--model.width', '8'],
  ['--model.depth', '1'],
  ['--model.heads', '1'],
  ['--validation_num_images', '4'],
  ['--validation_num_inference_steps', '2'],
  ['--output_dir', 'run'],
].flat()

/** No colours, no cursor movements: nothing that a log file should not hold. */
const controls = /[\u0000-\u0009\u000b-\u001f\u007f]/

describe('help', () => {
  it('is complete, without control characters, and succeeds', async () => {
    const { code, out, err } = await run('--help')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const command of ['train', 'sample', 'report']) expect(out).toContain(`  ${command}`)
    expect(out).toContain('130 interrupted after saving')
    expect(out).not.toMatch(controls)
  })

  it('of train lists every option', async () => {
    const { code, out } = await asked('train', '--help')
    expect(code).toBe(0)
    for (const { key } of optionKeys) expect(out).toContain(`--${key} `)
  })

  it('of sample and report explains their arguments', async () => {
    const sample = await asked('sample', '--help')
    for (const flag of ['num', 'steps', 'solver', 'guidance', 'label', 'seed', 'out'])
      expect(sample.out).toContain(`--${flag} <`)
    expect((await asked('report', '-h')).out).toContain('RUN')
  })

  it('tells the version', async () => {
    const description = JSON.parse(
      await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'),
    ) as { version: string }
    expect(await asked('--version')).toMatchObject({ code: 0, out: `${description.version}\n` })
  })
})

describe('refused input', () => {
  it('is explained on stderr with exit code 2, and writes nothing', async () => {
    await writeFile(join(folder, 'config.json'), '{ "learning_rte": 1, "seed": 1.5 }')
    await writeFile(join(folder, 'broken.json'), '{\n  "seed": 1,\n  "use_ema": tru\n}')
    const attempts: ReadonlyArray<readonly [ReadonlyArray<string>, ReadonlyArray<string>]> = [
      [
        [
          'train',
          'config.json',
          '--prediction_type=epsilon',
          '--scheduled_sampling_reflexflow',
          '--train_batch_size',
          '0',
          'stray',
        ],
        [
          'learning_rte = 1',
          'did you mean learning_rate?',
          'seed = 1.5',
          'scheduled_sampling_reflexflow',
          '--train_batch_size = 0',
          'argument = stray',
        ],
      ],
      [
        ['train', 'broken.json'],
        ['valid JSON', 'line 3'],
      ],
      [
        ['train', 'missing.json'],
        ['missing.json', 'ENOENT'],
      ],
      [
        ['train', '--resume_from_checkpoint', 'nowhere'],
        ['nowhere', 'a complete checkpoint'],
      ],
      [['sample', 'nowhere'], ['RUN = nowhere']],
      [
        ['sample', 'nowhere', '--num', '0', '--solver', 'magic'],
        ['--num = 0', '--solver = magic', 'unipc'],
      ],
      [['sample', 'nowhere', '--nums', '3'], ['--num']],
      [
        ['measure', 'nowhere', '--device', 'gpu'],
        ['--device = gpu', 'one of auto, cpu, cuda, webgpu'],
      ],
      [['report', 'nowhere'], ['RUN = nowhere']],
      [['report'], ['RUN']],
      [['paint'], ['paint']],
    ]
    for (const [words, parts] of attempts) {
      const { code, out, err } = await asked(...words)
      expect({ words, code, out }).toEqual({ words, code: 2, out: '' })
      for (const part of parts) expect(err).toContain(part)
      expect(err).not.toMatch(/\n\s+at /)
    }
    const [[words]] = attempts
    expect(await run(...words)).toEqual(await asked(...words))
    expect((await readdir(folder)).sort()).toEqual(['broken.json', 'config.json'])
  })
})

describe('a run', () => {
  it('leaves what it says, and can be drawn from and reported again', async () => {
    const trained = await run(
      'train',
      ...small,
      '--max_train_steps',
      '4',
      '--validation_step_interval=2',
      '--checkpoint_step_interval',
      '2',
    )
    expect(trained.code, trained.err).toBe(0)
    expect(trained.err).toContain('step 4/4')
    expect(trained.err).not.toMatch(controls)
    expect(trained.out).toContain('run/report.html')
    expect((await readdir(join(folder, 'run'))).sort()).toEqual([
      'checkpoint-000002',
      'checkpoint-000004',
      'config.json',
      'dataset.json',
      'metrics.jsonl',
      'model.onnx',
      'report.html',
      'samples',
    ])
    expect((await readdir(join(folder, 'run/samples'))).sort()).toEqual([
      'step-000002.png',
      'step-000004.png',
    ])

    const drawn = await asked(
      'sample',
      'run',
      '--num',
      '6',
      '--steps',
      '2',
      '--solver',
      'euler',
      '--out',
      'deep/grid.png',
    )
    expect(drawn.code, drawn.err).toBe(0)
    const { width, height } = PNG.sync.read(await readFile(join(folder, 'deep/grid.png')))
    expect([width, height]).toEqual([4 + 3 * 28, 4 + 2 * 28])
    expect(await asked('sample', 'run', '--label', '4')).toMatchObject({ code: 2 })

    expect(await asked('report', 'run')).toMatchObject({ code: 0, out: 'run/report.html\n' })

    const again = await asked('train', ...small)
    expect(again).toMatchObject({ code: 2 })
    expect(again.err).toContain('--resume_from_checkpoint latest')
  })

  it.runIf(existsSync('/dev/full'))('goes on where nothing more can be written to its log', async () => {
    const full = await open('/dev/full', 'w')
    const words = [program, 'train', ...small, '--max_train_steps', '2']
    const child = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', full.fd, full.fd] })
    expect(await new Promise((ended) => child.on('close', ended))).toBe(0)
    await full.close()
    expect(await readdir(join(folder, 'run'))).toContain('checkpoint-000002')
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends after the step under way on %s, saved, with exit code 130',
    async (signal) => {
      let sent = false
      const words = ['train', ...small, '--max_train_steps', '100000', '--validation_step_interval', '0']
      const { code, out, err } = await deriva(words, folder, (text, kill) => {
        if (sent || !text.includes('step 1/')) return
        sent = true
        kill(signal)
      })
      expect(code, err).toBe(130)
      expect(err).toContain('Finishing this step and saving')
      const names = await readdir(join(folder, 'run'))
      expect(names).toEqual(expect.arrayContaining(['model.onnx', 'report.html', 'metrics.jsonl']))
      const steps = (await readFile(join(folder, 'run/metrics.jsonl'), 'utf8')).trim().split('\n').length
      expect(names).toContain(`checkpoint-${String(steps).padStart(6, '0')}`)
      expect(out).toContain('--resume_from_checkpoint latest')
      expect(out).toContain(`at step ${steps} of 100000`)
    },
  )

  it('has its folder to itself', async () => {
    const words = ['train', ...small, '--max_train_steps', '100000', '--validation_step_interval', '0']
    const others: Array<Promise<Ended>> = []
    const { code, err } = await deriva(words, folder, (text, kill) => {
      if (others.length > 0 || !text.includes('step 1/')) return
      for (const from of [[], ['--resume_from_checkpoint', 'latest']]) others.push(asked(...words, ...from))
      void Promise.all(others).then(() => {
        kill('SIGTERM')
      })
    })
    expect(code, err).toBe(130)
    for (const other of await Promise.all(others)) {
      expect(other).toMatchObject({ code: 2, out: '' })
      expect(other.err).toContain('a folder that nobody else trains in: process')
    }
    expect(await readdir(join(folder, 'run'))).not.toContain('.lock')
  })

  it('leaves a sample grid undone to save at once', async () => {
    let sent = false
    // Hours, if it were drawn to the end.
    const grid = ['--validation_num_inference_steps', '1000', '--validation_num_images', '1024']
    const words = ['train', ...small, '--max_train_steps', '2', '--validation_step_interval', '1', ...grid]
    const { code, err } = await deriva(words, folder, (text, kill) => {
      if (sent || !text.includes('step 1/')) return
      sent = true
      kill('SIGINT')
    })
    expect(code, err).toBe(130)
    const names = await readdir(join(folder, 'run'))
    expect(names).toEqual(expect.arrayContaining(['checkpoint-000001', 'model.onnx']))
    expect(names).not.toContain('samples')
  })

  it('stops at once on a second signal', async () => {
    let [first, second] = [false, false]
    // A step that takes long enough for the second signal to come in the middle of it.
    const long = [
      ['--train_batch_size', '1024'],
      ['--model.width', '64'],
      ['--model.depth', '4'],
      ['--scheduled_sampling_max_step_offset', '40'],
      ['--scheduled_sampling_probability', '1'],
    ].flat()
    const words = ['train', ...small, ...long, '--max_train_steps', '100000']
    const { code, err } = await deriva(words, folder, (text, kill) => {
      if (!first && text.includes('device:')) {
        first = true
        kill('SIGINT')
      }
      if (!second && text.includes('Finishing')) {
        second = true
        setTimeout(() => {
          kill('SIGINT')
        }, 900)
      }
    })
    expect(code, err).toBe(130)
    expect(err).not.toContain('step 1/')
    expect(await readdir(join(folder, 'run'))).not.toContain('model.onnx')
  })
})
