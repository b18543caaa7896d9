import { abs, add, div, max, mul, reduceSum, sub } from '../onnx/index.js'
import { perElement, type Pointwise, sampleAxes } from './loss.js'

/** Keeps the normaliser away from 0 where clean and drifted predictions agree. */
const floor = 1e-6

/**
 * ReflexFlow's frequency compensation (arXiv 2512.04904) as SimpleTuner computes it: an elementwise loss weighted by
 *
 *     1 + alpha · Δ / max(Σ|Δ|, 1e-6),   Δ = prediction at the ideal x_t − prediction at the drifted input,
 *
 * the sum running over each sample, without gradient through the weight. Samples that were not rolled out have Δ = 0.
 * The normaliser makes the mean deviation of the weight 1/N on samples of N elements: small on real latents.
 *
 * @param alpha strength; 0 leaves the loss unweighted
 * @example
 * const loss = mean('fc', frequencyCompensated(1)(squaredError))
 */
export const frequencyCompensated =
  (alpha: number) =>
  <P extends 'flow_matching', N extends string = never>(pointwise: Pointwise<P, N>): Pointwise<P, N> =>
    alpha === 0
      ? pointwise
      : (inputs) => {
          const { clean, biased, rolled } = inputs
          const bias = mul(sub(clean, biased), perElement(rolled, biased))
          const normaliser = max(reduceSum(abs(bias), sampleAxes(bias)), floor)
          const weight = add(1, mul(alpha, div(bias, normaliser)))
          return mul(weight, pointwise(inputs))
        }
