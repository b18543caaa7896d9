import { appendFile, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  appendMetrics,
  decodeMetrics,
  encodeMetrics,
  encodePng,
  readMetrics,
  readReport,
  readRunConfig,
  rewindMetrics,
  writeGrid,
  writeMeasurement,
  writeReport,
  writeRunFile,
} from '../../lib/report/index.js'
import { configOf, metricsAt } from './run.js'

const done = async <A>(task: TE.TaskEither<{ readonly message: string }, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'deriva-')), 'run')
})

describe('metrics.jsonl', () => {
  it('reads back what it writes, numbers that are not finite as NaN', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.double())), (points) => {
        const metrics = points.map(([step, loss]) => metricsAt(step, { loss, terms: { mse: loss } }))
        const expected = metrics.map((m) => {
          const loss = Number.isFinite(m.loss) ? m.loss : NaN
          return { ...m, loss, terms: { mse: loss } }
        })
        // JSON has no negative zero.
        const plain = JSON.parse(
          JSON.stringify(expected, (_, v: unknown) => (Number.isNaN(v) ? 'NaN' : v)),
        ) as unknown
        const read = decodeMetrics(metrics.map(encodeMetrics).join(''))
        expect(
          JSON.parse(
            JSON.stringify(E.isRight(read) ? read.right : read, (_, v: unknown) =>
              Number.isNaN(v) ? 'NaN' : v,
            ),
          ),
        ).toEqual(plain)
      }),
      { numRuns: 50 },
    )
  })

  it('forgives a last line that was cut off, and no other', () => {
    const [one, two] = [encodeMetrics(metricsAt(1)), encodeMetrics(metricsAt(2))]
    expect(decodeMetrics(one + two.slice(0, 20))).toMatchObject({ right: [{ step: 1 }] })
    expect(decodeMetrics(`${two.slice(0, 20)}\n${one}`)).toEqual(E.left('line 1: a line that is not JSON'))
    expect(decodeMetrics('{}\n')).toEqual(E.left('line 1: a line that is not the metrics of a step'))
  })

  it('has every step once after going back to a checkpoint', async () => {
    await done(writeRunFile(folder, 'config.json', '{}'))
    for (let step = 1; step <= 8; step++) await done(appendMetrics(folder, metricsAt(step)))
    await appendFile(join(folder, 'metrics.jsonl'), '{"step": 9, "lo')
    await done(rewindMetrics(folder, 5))
    for (let step = 6; step <= 7; step++) await done(appendMetrics(folder, metricsAt(step)))
    expect((await done(readMetrics(folder))).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('is empty where there is no file', async () => {
    expect(await done(readMetrics(folder))).toEqual([])
  })
})

describe('a run folder', () => {
  it('gives its configuration back', async () => {
    const config = configOf({ seed: 9 })
    await done(writeRunFile(folder, 'config.json', JSON.stringify(config)))
    expect(await done(readRunConfig(folder))).toEqual(config)
  })

  it('says what is missing or wrong', async () => {
    expect(await readRunConfig(folder)()).toMatchObject({
      left: { message: expect.stringContaining('not the folder of a run') as string },
    })
    await done(writeRunFile(folder, 'config.json', '{"sed": 1}'))
    expect(await readRunConfig(folder)()).toMatchObject({
      left: { message: expect.stringContaining('did you mean seed?') as string },
    })
    await writeFile(join(folder, 'config.json'), '{')
    expect(await readRunConfig(folder)()).toMatchObject({
      left: { message: expect.stringContaining('not JSON') as string },
    })
  })

  it('has what was last measured, with its pictures, until a new run takes the place of the measured one', async () => {
    const png = await encodePng({ width: 1, height: 1, rgba: Uint8Array.of(1, 2, 3, 255) })()
    const empty = { samples: 8, groups: 8, seed: 0, edges: [0.25], cut: 0.25, courses: [] }
    await done(writeRunFile(folder, 'config.json', '{}'))
    await done(appendMetrics(folder, metricsAt(1)))
    expect((await done(readReport(folder))).measurement).toBeUndefined()
    await done(writeMeasurement(folder, { ...empty, step: 1 }, [{ file: 'old.png', caption: '', png }]))
    await done(writeMeasurement(folder, { ...empty, step: 1 }, [{ file: 'new.png', caption: 'new', png }]))
    const { measurement, strips } = await done(readReport(folder))
    expect(measurement?.samples).toBe(8)
    expect(strips?.map(({ caption }) => caption)).toEqual(['new'])
    expect(await readdir(join(folder, 'measure'))).toEqual(['new.png'])
    await done(rewindMetrics(folder, 0))
    expect((await done(readReport(folder))).measurement).toBeUndefined()
  })

  it('becomes a report', async () => {
    await done(writeRunFile(folder, 'config.json', JSON.stringify(configOf({}))))
    for (let step = 1; step <= 3; step++) await done(appendMetrics(folder, metricsAt(step)))
    const png = await encodePng({ width: 1, height: 1, rgba: Uint8Array.of(1, 2, 3, 255) })()
    for (const step of [10, 9]) await done(writeGrid(folder, step, png))
    const path = await done(writeReport(folder))
    const html = await readFile(path, 'utf8')
    expect(html).toContain('<h1>run</h1>')
    expect(html.indexOf('step 10')).toBeLessThan(html.indexOf('step 9'))
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'metrics.jsonl', 'report.html', 'samples'])
    expect((await readdir(join(folder, 'samples'))).sort()).toEqual(['step-000009.png', 'step-000010.png'])
  })
})
