import { div, max, mul, reduceMean } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { type Pointwise, sampleAxes } from './loss.js'

/** Keeps the mean over an empty mask finite: such a sample counts nothing. */
const floor = 1e-6

export type MaskOptions = {
  /**
   * What the mean over a sample divides by: `all` its elements, so that a small mask counts little (SimpleTuner, sd-scripts), or
   * the `masked` ones, so that every sample counts alike. Default `all`.
   */
  readonly over?: 'all' | 'masked'
}

/**
 * Counts an elementwise loss where a mask says so; fractions count in part. The mask is a conditioning input of the batch that
 * the model itself need not read.
 *
 * @param name under which the mask comes with the batch: float32 [batch, …sample], 1 counts and 0 does not
 * @example
 * declare const source: Source<'mask'>, compiled: Trainer<'epsilon', 'mask'>
 * const loss = mean('mse', masked('mask', { over: 'masked' })(squaredError))
 * const pipeline = pipe(dataset(source), noised(ddpm({ betaSchedule: 'linear' })), descend(compiled))
 */
export const masked =
  <M extends string>(name: M, { over = 'all' }: MaskOptions = {}) =>
  <P extends Parameterisation, N extends string = never>(pointwise: Pointwise<P, N>): Pointwise<P, N | M> =>
  (inputs) => {
    const mask = inputs.given(name)
    const counted = mul(pointwise(inputs), mask)
    return over === 'all' ? counted : div(counted, max(reduceMean(mask, sampleAxes(mask)), floor))
  }
