import { map } from 'rxjs'
import { uniform } from '../random/index.js'
import { noisedLatents, renoisedLatents } from '../rollout/index.js'
import type { Parameterisation } from '../types/index.js'
import { type Noised, targets } from './noised.js'
import { type Pipeline, stage } from './pipeline.js'

/**
 * For every sample a timestep drawn uniformly between its own and the noisiest: [batch].
 *
 * @param draw which of several draws
 * @example
 * declare const batch: Noised
 * const later = renoisedTimesteps(batch, { seed: 1, step: 0 })
 */
export const renoisedTimesteps = (
  { ids, path, timesteps }: Pick<Noised, 'ids' | 'path' | 'timesteps'>,
  { seed, step }: { readonly seed: number; readonly step: number },
  draw = 0,
): Float32Array =>
  timesteps.map((t, i) => {
    const u = uniform({ seed, purpose: 'renoising', step, sample: ids[i] }, draw)
    const later = t + u * (path.noisiest.timestep - t)
    // A discrete path is trained at its own timesteps.
    return path.family === 'ddpm' ? Math.max(t, Math.round(later)) : later
  })

/**
 * Samples that were rolled out are taken back towards the same noise they came from, to a timestep drawn uniformly between theirs and
 * the noisiest, and are trained there: one of SOAR's points (see `renoisedPoints`) in place of the sample, at no cost. Samples that were
 * not rolled out stay as they are. With `corrected` targets the flow target is (x' − x0)/sigma'.
 *
 * Timesteps, ideal latents and (original) targets become those of the new time, so put `corrected` after this stage, and leave a
 * rollout's own target `original`.
 *
 * @example
 * declare const source: Source
 * const plan = { maxStepOffset: 1, stride: 25, probability: () => 0.5 }
 * const pipeline = pipe(dataset(source), noised(flow()), rollout(euler(), plan), renoised(), corrected())
 */
export const renoised = (): (<P extends Parameterisation, G extends string>(
  upstream: Pipeline<P, Noised<G, true>>,
) => Pipeline<P, Noised<G, true>>) =>
  stage(({ denoiser: { parameterisation }, seed, state: { step } }) =>
    map((batch) => {
      const { path, x0, noise, rollout } = batch
      const later = renoisedTimesteps(batch, { seed, step })
      const timesteps = batch.timesteps.map((t, i) => (rollout.rolled[i] === 0 ? t : later[i]))
      return {
        ...batch,
        timesteps,
        target: targets(parameterisation, path, batch, noise, timesteps),
        ideal: noisedLatents(path, x0, noise, timesteps),
        latents: renoisedLatents(path, batch.latents, noise, batch.timesteps, timesteps),
      }
    }),
  )
