import { pipe } from 'fp-ts/lib/function.js'
import type { Config } from '../../config/index.js'
import type { JumpInput, Loss, PointInput, TailInput } from '../../loss/index.js'
import {
  ahead,
  backpropagated,
  noised,
  type Noised,
  type Pipeline,
  renoisedPoints,
  rollout,
} from '../../stream/index.js'
import type { Parameterisation } from '../../types/index.js'
import type { Discrete } from './discrete.js'
import {
  type Batches,
  discreteLessons,
  dreamLessons,
  flowLessons,
  jumpingLessons,
  perturbing,
  type Shown,
} from './lessons.js'
import { defarLoss, discreteLoss, flowLoss } from './loss.js'
import { planOf, rolloutsOf } from './plan.js'
import { present } from './present.js'
import { ddpmPath, flowPath } from './sampling.js'
import { solverOfRollouts } from './solver.js'
import { timestepsOf } from './timesteps.js'

/** What a model is shown, and what it learns from that; `N` are the names that the loss reads beside the usual. */
export type Objective<P extends Parameterisation, N extends string = never> = Shown<P, N> & {
  readonly loss: Loss<P, N>
}

/**
 * The objective of a flow-matching model.
 *
 * @example
 * declare const config: Config
 * const { loss } = flowObjective(config)
 */
export const flowObjective = (config: Config): Objective<'flow_matching'> => ({
  ...flowLessons(config),
  loss: flowLoss(config),
})

/**
 * The objective of a flow-matching model that jumps ahead (DEFAR).
 *
 * @example
 * declare const config: Config
 * const { loss } = defarObjective(config)
 */
export const defarObjective = (config: Config): Objective<'flow_matching', JumpInput> => ({
  ...jumpingLessons(config),
  loss: defarLoss(config),
})

/**
 * The objective of a model of a discrete diffusion.
 *
 * @example
 * declare const config: Config
 * const { loss } = discreteObjective(config)
 */
export const discreteObjective = (config: Config): Objective<Discrete> => ({
  ...discreteLessons(config),
  loss: discreteLoss(config),
})

/**
 * The objective of an epsilon model that mends its own errors (DREAM).
 *
 * @example
 * declare const config: Config
 * const { loss } = dreamObjective(config)
 */
export const dreamObjective = (config: Config): Objective<'epsilon'> => ({
  ...dreamLessons(config),
  loss: discreteLoss(config),
})

/**
 * The objective of a flow-matching model whose gradients flow through the last steps of its rollouts.
 *
 * @example
 * declare const config: Config
 * const { loss } = flowObjectiveThroughRollouts(config)
 */
export const flowObjectiveThroughRollouts = (config: Config): Objective<'flow_matching', TailInput> => {
  const through = backpropagated('flow_matching', flowPath, solverOfRollouts(config), {
    ...planOf(config),
    backprop: config.scheduled_sampling_backprop,
  })
  return {
    lessons: (batches) => through.rollout(ahead()(noised(flowPath, timestepsOf(config))(batches))),
    together: undefined,
    loss: through.loss(flowLoss(config)),
  }
}

/**
 * The objective of a model of a discrete diffusion whose gradients flow through the last steps of its rollouts.
 *
 * @example
 * declare const config: Config
 * const { loss } = discreteObjectiveThroughRollouts(config, 'epsilon')
 */
export const discreteObjectiveThroughRollouts = (
  config: Config,
  parameterisation: Discrete,
): Objective<Discrete, TailInput> => {
  const path = ddpmPath(config)
  const through = backpropagated(parameterisation, path, solverOfRollouts(config), {
    ...planOf(config),
    backprop: config.scheduled_sampling_backprop,
  })
  return {
    lessons: (batches) => through.rollout(ahead()(noised(path, timestepsOf(config))(batches))),
    together: undefined,
    loss: through.loss(discreteLoss(config)),
  }
}

/** Rollouts, taken back to several noisier points beside each sample, and the loss there too (SOAR). */
const besidePoints = <P extends Parameterisation>(
  config: Config,
  start: (batches: Batches) => Pipeline<P, Noised>,
  loss: Loss<P>,
): Objective<P, PointInput> => {
  const plan = rolloutsOf(config)
  const points = renoisedPoints({
    ...plan,
    ...present({
      points: config.scheduled_sampling_renoise_points,
      weight: config.scheduled_sampling_renoise_weight,
    }),
  })
  return {
    lessons: (batches) =>
      pipe(
        start(batches),
        ahead(),
        // The target is that of the points, so nothing is corrected before them.
        rollout(solverOfRollouts(config), { ...plan, target: 'original' }),
        points.renoised,
        perturbing(config),
      ),
    together: undefined,
    loss: points.loss(loss),
  }
}

/**
 * The objective of a flow-matching model that learns at re-noised points beside each sample (SOAR).
 *
 * @example
 * declare const config: Config
 * const { loss } = flowObjectiveBesidePoints(config)
 */
export const flowObjectiveBesidePoints = (config: Config): Objective<'flow_matching', PointInput> =>
  besidePoints(config, noised(flowPath, timestepsOf(config)), flowLoss(config))

/**
 * The objective of a model of a discrete diffusion that learns at re-noised points beside each sample (SOAR).
 *
 * @example
 * declare const config: Config
 * const { loss } = discreteObjectiveBesidePoints(config)
 */
export const discreteObjectiveBesidePoints = (config: Config): Objective<Discrete, PointInput> =>
  besidePoints(config, noised(ddpmPath(config), timestepsOf(config)), discreteLoss(config))
