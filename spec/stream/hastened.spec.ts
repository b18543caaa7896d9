import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { flow } from 'deriva/path'
import { uniform } from 'deriva/random'
import { dataset, hastened, type Noised, noised, type Pipeline, slowed } from 'deriva/stream'
import fc from 'fast-check'
import { firstValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toySource, toyTrainer } from './toy.js'

const seed = 3
const step = 7
const source = dataset(toySource(6))

const run = (pipeline: Pipeline<'flow_matching', Noised<never, boolean>>) =>
  firstValueFrom(
    pipeline({
      state: { ...toyTrainer('flow_matching').initial, step },
      seed,
      denoiser: { parameterisation: 'flow_matching', predict: (latents) => TE.right(latents) },
    }),
  )

describe('hastened', () => {
  it('shows the point at σ·(1 − u·γ) under the time σ, target unchanged, for any γ', async () => {
    const plain = await run(pipe(source, noised(flow())))
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), async (gamma) => {
        const { latents, timesteps, target, ids, x0, noise } = await run(
          pipe(source, noised(flow()), hastened(gamma)),
        )
        latents.forEach((x, e) => {
          const i = Math.floor((e * ids.length) / latents.length)
          const u = uniform({ seed, purpose: 'slowness', step, sample: ids[i] })
          const input = (timesteps[i] / 1000) * (1 - u * gamma)
          expect(x).toBeCloseTo((1 - input) * x0[e] + input * noise[e], 4)
        })
        expect(timesteps).toEqual(plain.timesteps)
        expect(target).toEqual(plain.target)
      }),
      { numRuns: 20 },
    )
  })

  it('is on the other side of the schedule from slowed interpolation, and on it for γ = 0', async () => {
    const [none, fast, slow] = await Promise.all([
      run(pipe(source, noised(flow()), hastened(0))),
      run(pipe(source, noised(flow()), hastened(0.3))),
      run(pipe(source, noised(flow()), slowed(0.3))),
    ])
    expect(none.latents).toEqual(none.ideal)
    fast.latents.forEach((x, e) => {
      // Both lie on one line through the ideal point: their differences from it point in opposite directions.
      expect((x - fast.ideal[e]) * (slow.latents[e] - slow.ideal[e])).toBeLessThanOrEqual(0)
    })
  })
})
