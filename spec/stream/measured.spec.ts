import { batches, mixture } from 'deriva/data'
import { courses } from 'deriva/measure'
import { flow } from 'deriva/path'
import { euler, trailing } from 'deriva/solver'
import { dataset, descend, measured, noised, training } from 'deriva/stream'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toyTrainer } from './toy.js'

const path = flow()
const heldOut = batches(mixture(), { batchSize: 5, seed: 7 })
const along = courses({
  path,
  solvers: [{ name: 'euler', solver: euler() }],
  grids: [trailing(path, 4)],
  starts: ['noise', 600],
})

const trained = (every: number, from = heldOut) => {
  const trainer = toyTrainer('flow_matching')
  const steps = pipe(
    dataset(batches(mixture(), { batchSize: 2, seed: 1 })),
    noised(path),
    descend(trainer),
    measured({ path, courses: along, every, heldOut: from, groups: 3 }),
    training(trainer, { steps: 5, seed: 2 }),
  )
  return { trainer, steps: lastValueFrom(steps.pipe(toArray())) }
}

describe('measured', () => {
  it('measures every so many steps, with the weights that the step began with, and passes on what flows by', async () => {
    const { trainer, steps } = trained(2)
    const made = await steps
    expect(made.map(({ state, measurement }) => [state.step, measurement?.samples])).toEqual([
      [1, 15],
      [2, undefined],
      [3, 15],
      [4, undefined],
      [5, 15],
    ])
    // Per group 4 evaluations from noise, 3 from 600 (600, 500, 250), and the 5 ideal points 1000, 750, 600, 500, 250.
    const calls = trainer.calls.filter(({ samples }) => samples === 5)
    expect(calls).toHaveLength(3 * 3 * (4 + 3 + 5))
    expect(new Set(calls.map(({ weight }) => weight))).toEqual(new Set([0, 2, 4]))
    const drift = made[0].measurement?.courses[1].points.at(-1)?.meters.drift
    expect(drift?.low).toBeLessThan(drift?.value ?? 0)
  })

  it('changes nothing else', async () => {
    const [with1, with9] = [await trained(1).steps, await trained(9).steps]
    expect(with1.map(({ state, latents }) => ({ state, latents }))).toEqual(
      with9.map(({ state, latents }) => ({ state, latents })),
    )
  })

  it('ends with the failure of the held-out data', async () => {
    const failure = { _tag: 'DataError', message: 'gone' } as const
    await expect(trained(1, () => TE.left(failure)).steps).rejects.toEqual(failure)
  })
})
