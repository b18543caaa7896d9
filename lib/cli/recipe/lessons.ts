import { pipe } from 'fp-ts/lib/function.js'
import type { Config } from '../../config/index.js'
import type { JumpInput } from '../../loss/index.js'
import {
  type Arrival,
  corrected,
  dream,
  hastened,
  jumped,
  type Noised,
  noised,
  perturbed,
  type Pipeline,
  renoised,
  rollout,
  slowed,
} from '../../stream/index.js'
import type { Batch, Parameterisation } from '../../types/index.js'
import { planOf } from './plan.js'
import { present } from './present.js'
import { ddpmPath, flowPath } from './sampling.js'
import { solverOfRollouts } from './solver.js'
import { timestepsOf } from './timesteps.js'

/** Batches as the dataset gives them. */
export type Batches = Pipeline<Parameterisation, Batch>

/** From batches to what a step of training takes; `N` are the names that come with them for the loss. */
export type Lessons<P extends Parameterisation, N extends string = never> = (
  batches: Batches,
) => Pipeline<P, Noised<N, Arrival<N>>>

/** Input perturbation, fading as the steps go by. */
const perturbing =
  ({ input_perturbation: gamma, input_perturbation_steps: steps }: Config) =>
  <P extends Parameterisation, N extends string>(
    upstream: Pipeline<P, Noised<N, boolean>>,
  ): Pipeline<P, Noised<N, boolean>> =>
    gamma === 0
      ? upstream
      : (environment) => {
          const left = steps === 0 ? 1 : Math.max(0, 1 - environment.state.step / steps)
          return left === 0 ? upstream(environment) : perturbed(gamma * left)(upstream)(environment)
        }

/** Scheduled sampling, and SOAR's way back to noisier times where it is asked for. */
const rollingOut =
  (config: Config) =>
  <P extends Parameterisation>(upstream: Pipeline<P, Noised>): Pipeline<P, Noised<never, boolean>> => {
    const plan = planOf(config)
    const solver = solverOfRollouts(config)
    if (!config.scheduled_sampling_renoise) return rollout(solver, plan)(upstream)
    // Its target is that of the time the sample is taken back to, so nothing is corrected before that.
    const back = pipe(upstream, rollout(solver, { ...plan, target: 'original' }), renoised())
    return plan.target === 'corrected'
      ? corrected(present({ smallestSigma: config.scheduled_sampling_target_sigma_floor }))(back)
      : back
  }

/**
 * What a flow-matching model is shown.
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = flowLessons(config)(batches)
 */
export const flowLessons =
  (config: Config): Lessons<'flow_matching'> =>
  (batches) => {
    const ideal = noised(flowPath, timestepsOf(config))(batches)
    const shown = (): Pipeline<'flow_matching', Noised<never, boolean>> => {
      switch (config.training_method) {
        case 'mixflow':
          return slowed(config.mixflow_gamma ?? 0.8)(ideal)
        case 'hastened':
          return hastened(config.hastened_gamma ?? 0.1)(ideal)
        default:
          return rollingOut(config)(ideal)
      }
    }
    return perturbing(config)(shown())
  }

/**
 * What a flow-matching model is shown where it jumps ahead (DEFAR).
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = jumpingLessons(config)(batches)
 */
export const jumpingLessons =
  (config: Config): Lessons<'flow_matching', JumpInput> =>
  (batches) =>
    pipe(batches, noised(flowPath, timestepsOf(config)), jumped(), perturbing(config))

/**
 * What a model of a discrete diffusion is shown.
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = discreteLessons(config)(batches)
 */
export const discreteLessons =
  (config: Config): Lessons<Exclude<Parameterisation, 'flow_matching'>> =>
  (batches) =>
    pipe(batches, noised(ddpmPath(config), timestepsOf(config)), rollingOut(config), perturbing(config))

/**
 * What an epsilon model is shown where it mends its own errors (DREAM).
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = dreamLessons(config)(batches)
 */
export const dreamLessons =
  (config: Config): Lessons<'epsilon'> =>
  (batches) =>
    pipe(
      batches,
      noised(ddpmPath(config), timestepsOf(config)),
      dream(present({ detail: config.dream_detail_preservation })),
      perturbing(config),
    )
