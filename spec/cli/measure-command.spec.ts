import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { heldOut, measureCommand, reportCommand, type Terminal, trainCommand } from '../../lib/cli/index.js'
import { commandLine } from '../../lib/cli/command-line.js'
import { decodeMeasurement, type MeasurementFile } from '../../lib/report/index.js'
import { configOf } from '../report/run.js'

const silent: Terminal = { print: () => undefined, tell: () => undefined, interactive: false, columns: 80 }

const heard = (): Terminal & { readonly text: () => string } => {
  const texts: Array<string> = []
  const say = (text: string): void => {
    texts.push(text)
  }
  return { print: say, tell: say, interactive: false, columns: 80, text: () => texts.join('\n') }
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deriva-'))
  for (const [name, steps] of [
    ['a', '3'],
    ['b', '5'],
  ] as const) {
    const trained = await trainCommand(
      [
        '--dataset=shapes',
        '--train_batch_size=8',
        '--model.type=dit',
        '--model.width=8',
        '--model.depth=1',
        '--model.heads=2',
        `--max_train_steps=${steps}`,
        '--lr_warmup_steps=0',
        '--validation_num_images=4',
        '--validation_num_inference_steps=2',
        `--output_dir=${join(folder, name)}`,
      ],
      silent,
    )()
    expect(trained).toEqual(E.right(0))
  }
})

const run = (name: string): string => join(folder, name)

const measurementIn = async (path: string): Promise<MeasurementFile> => {
  const file = decodeMeasurement(await readFile(path, 'utf8'))
  if (E.isLeft(file)) throw new Error(file.left)
  return file.right
}

const quick = { num: 10, steps: [3, 6], solver: ['euler', 'heun'], from: ['noise', 500] } as const

describe('deriva measure', () => {
  it('writes measure.json, pictures and the report, and says what it found', async () => {
    const terminal = heard()
    expect(await measureCommand(run('a'), quick, terminal)()).toEqual(E.right(0))
    const { samples, step, courses, strips } = await measurementIn(join(run('a'), 'measure.json'))
    expect([samples, step]).toEqual([10, 3])
    expect(courses.map(({ solver, steps, start }) => [solver, steps, start])).toEqual(
      ['noise', 500].flatMap((start) =>
        ['euler', 'heun'].flatMap((solver) => [3, 6].map((steps) => [solver, steps, start])),
      ),
    )
    expect((await readdir(join(run('a'), 'measure'))).sort()).toEqual(strips.map(({ file }) => file).sort())
    expect(strips).toHaveLength(2)
    const drift = courses.at(-1)?.points.at(-1)?.meters.drift
    expect(drift?.value).toBeGreaterThan(0)
    expect(drift?.low).toBeLessThan(drift?.high ?? 0)
    expect(terminal.text()).toContain('heun 6 from t = 500')
    expect(await readFile(join(run('a'), 'report.html'), 'utf8')).toContain('<h2>Drift, measured</h2>')
  })

  it('gives the same figures again, and leaves the run alone where the measurement goes elsewhere', async () => {
    const before = await readFile(join(run('a'), 'measure.json'), 'utf8')
    const out = join(folder, 'again.json')
    expect(await measureCommand(run('a'), { ...quick, out }, silent)()).toEqual(E.right(0))
    const [again, first] = [await measurementIn(out), await measurementIn(join(run('a'), 'measure.json'))]
    expect({ ...again, strips: [] }).toEqual({ ...first, strips: [] })
    expect(await readFile(join(run('a'), 'measure.json'), 'utf8')).toBe(before)
  })

  it('refuses what cannot be', async () => {
    const refused = async (...words: ReadonlyArray<string>): Promise<string> => {
      const terminal = heard()
      expect(await commandLine(['measure', ...words], terminal)).toBe(2)
      return terminal.text()
    }
    expect(await refused('nowhere')).toContain('RUN = nowhere')
    expect(await refused(run('b'), '--from', '5000')).toContain('up to 1000')
    expect(await refused(run('b'), '--from', 'dawn')).toContain('the word noise, or a timestep')
    expect(await refused(run('b'), '--solver', 'euler,magic')).toContain('one of euler')
    expect(await refused(run('b'), '--steps', '10,0')).toContain('from 1 to 1000')
    expect(await refused(run('b'), '--solver', 'dpm', '--order', '9')).toContain('order')
    expect(await readdir(run('b'))).not.toContain('measure.json')
  })

  it('ends at Ctrl-C after the batch under way, with what was measured by then', async () => {
    let sent = false
    const terminal: Terminal = {
      ...silent,
      tell: (text) => {
        if (sent || !text.startsWith('evaluation')) return
        sent = true
        process.emit('SIGINT')
      },
    }
    expect(await measureCommand(run('b'), { ...quick, num: 600 }, terminal)()).toEqual(E.right(130))
    const { samples } = await measurementIn(join(run('b'), 'measure.json'))
    expect(samples).toBeGreaterThan(0)
    expect(samples).toBeLessThan(600)
  })
})

describe('deriva report of several runs', () => {
  it('compares them on one page', async () => {
    const out = join(folder, 'pages', 'compare.html')
    const terminal = heard()
    expect(await commandLine(['report', run('a'), run('b'), '--out', out], terminal)).toBe(0)
    expect(terminal.text()).toBe(out)
    const html = await readFile(out, 'utf8')
    for (const heading of ['In numbers', 'Settings that differ', 'Samples', 'Loss', 'Drift, measured'])
      expect(html).toContain(`<h2>${heading}</h2>`)
    expect(html).toContain('<td>max_train_steps</td><td>3</td><td>5</td>')
    expect(html).not.toContain('<td>output_dir</td>')
  })

  it('refuses a folder that is none, and a place for a single run', async () => {
    expect(await reportCommand([run('a'), run('c')], {}, silent)()).toMatchObject({
      left: { _tag: 'ConfigError' },
    })
    expect(await reportCommand([run('a')], { out: 'x.html' }, silent)()).toMatchObject({
      left: { _tag: 'ConfigError' },
    })
  })
})

describe('held-out samples', () => {
  it('are none that training has seen, in an order of their own for every seed', async () => {
    const chosen = async (seed: number): Promise<ReadonlyArray<number>> => {
      const samples = await heldOut(configOf({ dataset: 'shapes' }), { count: 20, seed })()
      if (E.isLeft(samples)) throw new Error(samples.left.message)
      expect(samples.right.seen).toBe(false)
      return samples.right.ids
    }
    const [one, other] = [await chosen(1), await chosen(2)]
    expect(one.every((id) => id >= 4096)).toBe(true)
    expect(new Set(one).size).toBe(20)
    expect(one).not.toEqual(other)
    const digits = await heldOut(configOf({ dataset: 'mnist' }), { count: 5, seed: 0 })()
    expect(digits).toMatchObject({ right: { dataset: { size: 10_000 } } })
  })
})
