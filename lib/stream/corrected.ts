import { map } from 'rxjs'
import { correctedTargets, type CorrectionOptions } from '../rollout/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Noised } from './noised.js'
import { type Pipeline, stage } from './pipeline.js'

/**
 * Moves every sample's target with its latents, whatever stages before this one did to them: from the undrifted pair's target to
 * the one that leads to the data. Latents that no stage has moved have nothing to correct, and do not compile.
 *
 * @example
 * declare const source: Source
 * const plan = { maxStepOffset: 10, probability: () => 0.5 }
 * const pipeline = pipe(dataset(source), noised(flow()), rollout(euler(), plan), renoised(), corrected())
 */
export const corrected = (
  options: CorrectionOptions = {},
): (<P extends Parameterisation, G extends string>(
  upstream: Pipeline<P, Noised<G, true>>,
) => Pipeline<P, Noised<G, true>>) =>
  stage(({ denoiser }) =>
    map((batch) => ({
      ...batch,
      target: correctedTargets(denoiser.parameterisation, batch.path, batch, options),
    })),
  )
