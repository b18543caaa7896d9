import type { Denoiser } from '../rollout/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Stage } from './pipeline.js'

/**
 * A stage that sees another denoiser than the rest of the pipeline: a teacher's, for example, or averaged weights.
 *
 * @param change from the pipeline's denoiser to the stage's
 * @example
 * declare const teacher: Denoiser<'flow_matching'>
 * const rolled = rollout(euler(), { maxStepOffset: 1, stride: 25, probability: () => 0.5 })
 * const rolledByTeacher = withDenoiser(() => teacher)(rolled)
 */
export const withDenoiser =
  <P extends Parameterisation>(change: (denoiser: Denoiser<P>) => Denoiser<P>) =>
  <A, B>(inner: Stage<P, A, B>): Stage<P, A, B> =>
  (upstream) =>
  (environment) =>
    inner(() => upstream(environment))({ ...environment, denoiser: change(environment.denoiser) })
