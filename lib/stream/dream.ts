import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Noised } from './noised.js'
import { type Pipeline, stageTask } from './pipeline.js'

/**
 * DREAM (Zhou et al. 2024, arXiv 2312.00210), as diffusers' `compute_dream_and_update_latents` has it: with one evaluation a sample,
 * the model's own error Δ = epsilon − epsilon_θ(x, t) goes into the input and, as much, into the target,
 *
 *     x ← x + sigma·lambda·Δ,   target ← target + lambda·Δ,   lambda = sigma^p,
 *
 * so that the model meets the noise it would have made of it. No gradient flows through Δ.
 *
 * @param detail p, ≥ 0: larger keeps more detail and rectifies less. The paper's is 1
 * @example
 * declare const source: Source
 * const pipeline = pipe(dataset(source), noised(ddpm({ betaSchedule: 'linear' })), dream())
 */
export const dream = ({ detail = 1 }: { readonly detail?: number } = {}): (<
  P extends 'epsilon',
  G extends string,
>(
  upstream: Pipeline<P, Noised<G>>,
) => Pipeline<P, Noised<G, true>>) =>
  stageTask(({ denoiser }) => (batch) => {
    const { path, timesteps, conditioning } = batch
    const started = performance.now()
    const elements = batch.latents.length / Math.max(1, timesteps.length)
    return pipe(
      denoiser.predict(batch.latents, timesteps, conditioning),
      TE.map((predicted) => {
        const latents = Float32Array.from(batch.latents)
        const target = Float32Array.from(batch.target)
        timesteps.forEach((timestep, i) => {
          const { sigma } = path.at(timestep)
          for (let e = i * elements; e < (i + 1) * elements; e++) {
            const moved = sigma ** detail * (batch.target[e] - predicted[e])
            latents[e] += sigma * moved
            target[e] += moved
          }
        })
        const { rollout } = batch
        const evaluations = rollout.evaluations + timesteps.length
        const seconds = rollout.seconds + (performance.now() - started) / 1000
        return { ...batch, drifted: true, latents, target, rollout: { ...rollout, evaluations, seconds } }
      }),
    )
  })
