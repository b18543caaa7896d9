import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { lastValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { flow } from '../../lib/path/index.js'
import { readMetrics, record, type Recording, report } from '../../lib/report/index.js'
import { dataset, descend, noised, training } from '../../lib/stream/index.js'
import { toySource, toyTrainer } from '../stream/toy.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deriva-'))
})
afterEach(() => rm(folder, { recursive: true }))

const compiled = toyTrainer('flow_matching')
const run = (recording: Recording, steps: number, from = compiled.initial) =>
  pipe(
    dataset(toySource()),
    noised(flow()),
    descend(compiled),
    recording,
    training(compiled, { steps, seed: 1, from }),
  )

const written = async (): Promise<ReadonlyArray<number>> => {
  const metrics = await readMetrics(folder)()
  return E.isRight(metrics) ? metrics.right.map(({ step }) => step) : []
}

describe('a recorded run', () => {
  it('has every step once, also where the same pipeline runs again', async () => {
    const steps = run(record(folder), 3)
    await lastValueFrom(steps)
    expect(await written()).toEqual([1, 2, 3])
    await lastValueFrom(steps)
    expect(await written()).toEqual([1, 2, 3])
  })

  it('goes on from an earlier state, and forgets what came after that', async () => {
    const { state } = await lastValueFrom(run(record(folder), 2))
    await lastValueFrom(run(record(folder), 5))
    await lastValueFrom(run(record(folder), 4, state))
    expect(await written()).toEqual([1, 2, 3, 4])
  })

  it('becomes a report every so many steps', async () => {
    await lastValueFrom(run(report(folder, { every: 3 }), 2))
    expect(await readdir(folder)).toEqual(['metrics.jsonl'])
    await lastValueFrom(run(report(folder, { every: 3 }), 3))
    expect((await readdir(folder)).sort()).toEqual(['metrics.jsonl', 'report.html'])
  })
})
