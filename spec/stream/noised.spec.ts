import { pipe } from 'fp-ts/lib/function.js'
import { ddpm, flow } from 'deriva/path'
import { dataset, type Noised, noised, type Pipeline } from 'deriva/stream'
import type { Batch, Parameterisation } from 'deriva/types'
import fc from 'fast-check'
import { firstValueFrom, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toySource, toyTrainer } from './toy.js'

const run = <P extends Parameterisation>(
  pipeline: Pipeline<P, Noised>,
  parameterisation: P,
  step = 0,
): Promise<Noised> => {
  const { initial, denoiser } = toyTrainer(parameterisation)
  return firstValueFrom(
    pipeline({ state: { ...initial, step }, seed: 3, denoiser: denoiser(initial.parameters) }),
  )
}

const row = (array: Float32Array, i: number): ReadonlyArray<number> => [...array.subarray(2 * i, 2 * i + 2)]

describe('noised', () => {
  it('puts every sample on the schedule and asks for what its parameterisation predicts', async () => {
    const { x0, noise, ideal, target, timesteps, latents } = await run(
      pipe(dataset(toySource(4)), noised(flow())),
      'flow_matching',
    )
    timesteps.forEach((t, i) => {
      const sigma = t / 1000
      row(ideal, i).forEach((x, e) => {
        expect(x).toBeCloseTo((1 - sigma) * (row(x0, i)[e] ?? 0) + sigma * (row(noise, i)[e] ?? 0), 6)
      })
      row(target, i).forEach((v, e) => {
        expect(v).toBeCloseTo((row(noise, i)[e] ?? 0) - (row(x0, i)[e] ?? 0), 6)
      })
    })
    expect(latents).toBe(ideal)
  })

  it('targets alpha·epsilon − sigma·x0 for v-prediction', async () => {
    const path = ddpm({ betaSchedule: 'linear' })
    const { x0, noise, target, timesteps } = await run(
      pipe(dataset(toySource(1)), noised(path)),
      'v_prediction',
    )
    const { alpha, sigma } = path.at(timesteps[0])
    row(target, 0).forEach((v, e) => {
      expect(v).toBeCloseTo(alpha * noise[e] - sigma * x0[e], 6)
    })
  })

  it('gives a sample the same noise and timestep wherever it stands in the batch', async () => {
    const batchOf = (ids: ReadonlyArray<number>): Batch => ({
      ids: Uint32Array.from(ids),
      x0: new Float32Array(2 * ids.length),
      shape: [2],
      conditioning: {},
    })
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 99], { minLength: 1 }), async (ids) => {
        const alone = await run(
          noised(flow())(() => of(batchOf([ids[0]]))),
          'flow_matching',
          5,
        )
        const together = await run(
          noised(flow())(() => of(batchOf(ids.toReversed()))),
          'flow_matching',
          5,
        )
        expect(row(together.noise, ids.length - 1)).toEqual(row(alone.noise, 0))
        expect(together.timesteps[ids.length - 1]).toBe(alone.timesteps[0])
      }),
    )
  })
})
