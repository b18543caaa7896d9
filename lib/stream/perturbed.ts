import * as E from 'fp-ts/lib/Either.js'
import { normal } from '../random/index.js'
import { breather, type Parameterisation } from '../types/index.js'
import type { Noised } from './noised.js'
import { type Pipeline, stageTask } from './pipeline.js'

/**
 * Input perturbation (DDPM-IP: Ning et al. 2023, arXiv 2301.11706): the input holds noise that the target does not speak of,
 *
 *     x = alpha·x0 + sigma·(epsilon + gamma·xi),   xi standard normal,   the target still that of (x0, epsilon).
 *
 * It stands in for the errors of sampling, at no evaluation at all. After a rollout it perturbs what the rollout made.
 *
 * @param gamma the paper's is 0.1 (0.15 on CIFAR-10); 0 changes nothing
 * @example
 * declare const source: Source
 * const pipeline = pipe(dataset(source), noised(ddpm({ betaSchedule: 'linear' })), perturbed(0.1))
 */
export const perturbed = (
  gamma: number,
): (<P extends Parameterisation, G extends string>(
  upstream: Pipeline<P, Noised<G, boolean>>,
) => Pipeline<P, Noised<G, true>>) =>
  stageTask(({ seed, state: { step } }) => (batch) => async () => {
    const pause = breather()
    const { ids, path, timesteps } = batch
    const elements = batch.latents.length / Math.max(1, ids.length)
    const latents = Float32Array.from(batch.latents)
    const xi = new Float32Array(elements)
    for (const [i, sample] of ids.entries()) {
      normal({ seed, purpose: 'perturbation', step, sample }, xi)
      const strength = gamma * path.at(timesteps[i]).sigma
      for (let e = 0; e < elements; e++) latents[i * elements + e] += strength * xi[e]
      await pause()
    }
    return E.right({ ...batch, latents, drifted: true })
  })
