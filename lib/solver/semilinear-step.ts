import type { Term, VectorSpace } from '../algebra/index.js'
import type { Point } from '../path/index.js'
import type { Rate } from './exponential-adams.js'
import type { Prediction } from './solver.js'

/** Which reading of the predictions a method interpolates. Data is the stable choice for guided models (arXiv 2211.01095). */
export type Interpolated = 'data' | 'noise'

/** The ends of a step. */
export type Ends = { readonly from: Point; readonly to: Point }

/**
 * What can be interpolated over a step: the noise form is infinite at either end of the path, where only a first-order step is
 * taken, and there the two forms agree.
 *
 * @example
 * const path = flow()
 * const form = interpolable('noise', { from: path.at(100), to: path.clean }) // 'data'
 */
export const interpolable = (wanted: Interpolated, { from, to }: Ends): Interpolated =>
  from.alpha === 0 || to.sigma === 0 ? 'data' : wanted

/**
 * The rate of the exponential in the integral, see `moments`.
 *
 * @example
 * const gain = moments(1, 0.5, rateOf('data'))
 */
export const rateOf = (interpolated: Interpolated): Rate => (interpolated === 'data' ? -1 : 1)

/**
 * One step in half log-SNR, given the weights of the integral over it:
 * x' = (sigma'/sigma)·x + alpha'·Σ w·x0 for data, x' = (alpha'/alpha)·x − sigma'·Σ w·epsilon for noise.
 * Source: Lu et al. 2022 (arXiv 2211.01095, eq. 8; arXiv 2206.00927, eq. 3.4).
 *
 * @example
 * const path = flow()
 * const [from, to] = [path.at(500), path.at(400)]
 * const now = prediction(numberSpace, 'flow_matching', { x: 1, at: from }, 0.4)
 * const euler = semilinearStep(numberSpace, 1, { from, to }, 'data', [now], moments(1, lambda(to) - lambda(from), -1)) // 0.96
 */
export const semilinearStep = <V>(
  V: VectorSpace<V>,
  x: V,
  { from, to }: Ends,
  interpolated: Interpolated,
  known: ReadonlyArray<Prediction<V>>,
  weights: Float64Array,
): V => {
  const data = interpolated === 'data'
  const terms: Array<Term<V>> = [[data ? to.sigma / from.sigma : to.alpha / from.alpha, x]]
  for (let j = 0; j < weights.length; j++)
    terms.push(data ? [to.alpha * weights[j], known[j].x0] : [-to.sigma * weights[j], known[j].epsilon])
  return V.combine(terms)
}
