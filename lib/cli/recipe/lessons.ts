import { pipe } from 'fp-ts/lib/function.js'
import { type Config, rollsOut, takesSupersteps } from '../../config/index.js'
import type { JumpInput } from '../../loss/index.js'
import type { Path } from '../../path/index.js'
import {
  ahead,
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
import type { SuperstepOptions } from '../../train/index.js'
import type { Batch, Parameterisation } from '../../types/index.js'
import type { Discrete } from './discrete.js'
import { rolloutsOf } from './plan.js'
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

/** The same for several steps in one graph: lessons that no model is asked for, and the rollouts that the graph makes of them. */
export type Together<P extends Parameterisation, N extends string = never> = {
  readonly lessons: (batches: Batches) => Pipeline<P, Noised<N, boolean>>
  readonly rollout?: NonNullable<SuperstepOptions<P>['rollout']>
}

/** What a model is shown: step by step, and together where that can be (`takesSupersteps`). */
export type Shown<P extends Parameterisation, N extends string = never> = {
  readonly lessons: Lessons<P, N>
  readonly together: Together<P, N> | undefined
}

/** Batches on a path. */
type Start<P extends Parameterisation> = (batches: Batches) => Pipeline<P, Noised>

/**
 * Input perturbation, fading as the steps go by.
 *
 * @example
 * declare const config: Config, lessons: Pipeline<'epsilon', Noised>
 * const pipeline = perturbing(config)(lessons)
 */
export const perturbing =
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

/** Scheduled sampling, and the way back to a noisier time where it is asked for. */
const rollingOut =
  (config: Config) =>
  <P extends Parameterisation>(upstream: Pipeline<P, Noised>): Pipeline<P, Noised<never, boolean>> => {
    const plan = rolloutsOf(config)
    const solver = solverOfRollouts(config)
    if (config.scheduled_sampling_renoise !== 'in_place') return rollout(solver, plan)(upstream)
    // Its target is that of the time the sample is taken back to, so nothing is corrected before that.
    const back = pipe(upstream, rollout(solver, { ...plan, target: 'original' }), renoised())
    return plan.target === 'corrected'
      ? corrected(present({ smallestSigma: config.scheduled_sampling_target_sigma_floor }))(back)
      : back
  }

/** What no model is asked for: all of it can be made ahead, and for several steps. */
const unasked = <P extends Parameterisation, N extends string>(
  config: Config,
  shown: (batches: Batches) => Pipeline<P, Noised<N, boolean>>,
): {
  readonly lessons: (batches: Batches) => Pipeline<P, Noised<N, boolean>>
  readonly together: Together<P, N> | undefined
} => {
  const lessons = (batches: Batches): Pipeline<P, Noised<N, boolean>> => perturbing(config)(shown(batches))
  return {
    lessons: (batches) => ahead()(lessons(batches)),
    together: takesSupersteps(config) ? { lessons } : undefined,
  }
}

/** The standard method: batches on a path, some of them rolled out where scheduled sampling is on. */
const standard = <P extends Parameterisation>(config: Config, path: Path, start: Start<P>): Shown<P> =>
  rollsOut(config)
    ? {
        lessons: (batches) => pipe(start(batches), ahead(), rollingOut(config), perturbing(config)),
        together: takesSupersteps(config)
          ? { lessons: start, rollout: { path, solver: solverOfRollouts(config), plan: rolloutsOf(config) } }
          : undefined,
      }
    : unasked(config, start)

/** Batches on the path of every flow. */
const onFlow =
  (config: Config): Start<'flow_matching'> =>
  (batches) =>
    noised(flowPath, timestepsOf(config))(batches)

/** Batches on the path of a discrete diffusion. */
const onDdpm =
  (config: Config): Start<Discrete> =>
  (batches) =>
    noised(ddpmPath(config), timestepsOf(config))(batches)

/**
 * What a flow-matching model is shown.
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = flowLessons(config).lessons(batches)
 */
export const flowLessons = (config: Config): Shown<'flow_matching'> => {
  const start = onFlow(config)
  switch (config.training_method) {
    case 'mixflow':
      return unasked(config, (batches) => slowed(config.mixflow_gamma ?? 0.8)(start(batches)))
    case 'hastened':
      return unasked(config, (batches) => hastened(config.hastened_gamma ?? 0.1)(start(batches)))
    default:
      return standard(config, flowPath, start)
  }
}

/**
 * What a flow-matching model is shown where it jumps ahead (DEFAR).
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = jumpingLessons(config).lessons(batches)
 */
export const jumpingLessons = (config: Config): Shown<'flow_matching', JumpInput> =>
  unasked(config, (batches) => pipe(batches, onFlow(config), jumped()))

/**
 * What a model of a discrete diffusion is shown.
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = discreteLessons(config).lessons(batches)
 */
export const discreteLessons = (config: Config): Shown<Discrete> =>
  standard(config, ddpmPath(config), onDdpm(config))

/**
 * What an epsilon model is shown where it mends its own errors (DREAM).
 *
 * @example
 * declare const config: Config, batches: Batches
 * const pipeline = dreamLessons(config).lessons(batches)
 */
export const dreamLessons = (config: Config): Shown<'epsilon'> => ({
  lessons: (batches) =>
    pipe(
      noised(ddpmPath(config), timestepsOf(config))(batches),
      ahead(),
      dream(present({ detail: config.dream_detail_preservation })),
      perturbing(config),
    ),
  together: undefined,
})
