import { antiDrift } from './anti-drift.js'
import { frequencyCompensated } from './frequency-compensation.js'
import { type Loss, mean, type Pointwise, scaled, sum } from './loss.js'
import { squaredError } from './squared-error.js'

export type ReflexFlowOptions<N extends string = never> = {
  /** Strength of the frequency compensation. Default 1. */
  readonly alpha?: number
  /** Weight of the anti-drift term. Default 10. */
  readonly beta1?: number
  /** Weight of the frequency-compensated error. Default 1. */
  readonly beta2?: number
  /** Which samples the anti-drift term counts. Default `rolled`. */
  readonly on?: 'rolled' | 'all'
  /** The elementwise loss that is compensated. Default `squaredError`. */
  readonly pointwise?: Pointwise<'flow_matching', N>
  /** The compensated term's name in the metrics. Default `mse`. */
  readonly name?: string
}

/**
 * The ReflexFlow objective as SimpleTuner computes it: beta2 · frequency-compensated error + beta1 · anti-drift.
 *
 * @example
 * const loss: Loss<'flow_matching'> = reflexflow({ beta1: 1 })
 */
export const reflexflow = <N extends string = never>({
  alpha = 1,
  beta1 = 10,
  beta2 = 1,
  on = 'rolled',
  pointwise = squaredError,
  name = 'mse',
}: ReflexFlowOptions<N> = {}): Loss<'flow_matching', N> =>
  sum(
    scaled(beta2)(mean(name, frequencyCompensated(alpha)(pointwise))),
    // A weight of 0 removes the term and its cost.
    ...(beta1 === 0 ? [] : [scaled(beta1)(antiDrift({ on }))]),
  )
