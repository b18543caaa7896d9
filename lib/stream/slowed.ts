import { map } from 'rxjs'
import { uniform } from '../random/index.js'
import { noisedLatents } from '../rollout/index.js'
import type { Noised } from './noised.js'
import { type Pipeline, stage } from './pipeline.js'

/**
 * MixFlow's slowed interpolation (arXiv 2512.19311): samplers lag behind the time they tell the model, so it is trained at time sigma
 * on a noisier point of the same straight line,
 *
 *     sigma_input = sigma + u·gamma·(1 − sigma),   u uniform on [0, 1),
 *
 * with the target and the time unchanged; no evaluation. The paper draws data-ward times from Beta(2, 1), which is the timestep sampler
 * `(path, u) => path.timesteps * (1 − √u)`. Replaces the latents, so it does not compile after a stage that has moved them.
 *
 * @param gamma 0 … 1; the paper's is 0.8
 * @example
 * declare const source: Source
 * const pipeline = pipe(dataset(source), noised(flow(), (path, u) => path.timesteps * (1 - Math.sqrt(u))), slowed(0.8))
 */
export const slowed = (
  gamma: number,
): (<P extends 'flow_matching', G extends string>(
  upstream: Pipeline<P, Noised<G>>,
) => Pipeline<P, Noised<G, true>>) =>
  stage(({ seed, state: { step } }) =>
    map((batch) => {
      const { ids, path, x0, noise } = batch
      const noisiest = path.noisiest.timestep
      const behind = batch.timesteps.map((t, i) => {
        const u = uniform({ seed, purpose: 'slowness', step, sample: ids[i] })
        return Math.min(noisiest, t + u * gamma * (noisiest - t))
      })
      return { ...batch, drifted: true, latents: noisedLatents(path, x0, noise, behind) }
    }),
  )
