import { map } from 'rxjs'
import { uniform } from '../random/index.js'
import { noisedLatents, renoisedLatents } from '../rollout/index.js'
import type { Parameterisation } from '../types/index.js'
import { type Noised, targets } from './noised.js'
import { type Pipeline, stage } from './pipeline.js'

/**
 * SOAR's auxiliary points (HY-SOAR, arXiv 2604.12617): samples that were rolled out are taken back towards the same noise they came
 * from, to a timestep drawn uniformly between theirs and the noisiest, and are trained there. A drift made at nearly clean times
 * is so met at all noisier ones, where it can still be mended. With `corrected` targets the flow target is (x' − x0)/sigma'.
 *
 * Timesteps, ideal latents and (original) targets become those of the new time, so put `corrected` after this stage, and leave a
 * rollout's own target `original`. The paper trains several such points per rollout beside the undrifted one; here each sample is
 * one of them, and samples that were not rolled out are the plain ones.
 *
 * @example
 * declare const source: Source
 * const plan = { maxStepOffset: 1, stride: 25, probability: () => 0.5 }
 * const soar = pipe(dataset(source), noised(flow()), rollout(euler(), plan), renoised(), corrected())
 */
export const renoised = (): (<P extends Parameterisation, G extends string>(
  upstream: Pipeline<P, Noised<G, true>>,
) => Pipeline<P, Noised<G, true>>) =>
  stage(({ denoiser: { parameterisation }, seed, state: { step } }) =>
    map((batch) => {
      const { ids, path, x0, noise, rollout } = batch
      const timesteps = batch.timesteps.map((t, i) => {
        if (rollout.rolled[i] === 0) return t
        const u = uniform({ seed, purpose: 'renoising', step, sample: ids[i] })
        const later = t + u * (path.noisiest.timestep - t)
        // A discrete path is trained at its own timesteps.
        return path.family === 'ddpm' ? Math.max(t, Math.round(later)) : later
      })
      return {
        ...batch,
        timesteps,
        target: targets(parameterisation, path, batch, noise, timesteps),
        ideal: noisedLatents(path, x0, noise, timesteps),
        latents: renoisedLatents(path, batch.latents, noise, batch.timesteps, timesteps),
      }
    }),
  )
