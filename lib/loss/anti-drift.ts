import { div, less, max, mul, reduceSum, sqrt, sub, type Value, where } from '../onnx/index.js'
import { type Loss, rolledOnly, sampleAxes } from './loss.js'

/** Vectors that are shorter have no direction. */
const floor = 1e-6

/**
 * value / ‖value‖₂, the Euclidean norm over each sample; 0 where it is below 1e-6, and no gradient there. Models start out predicting
 * zeros: the gradient of value / 1e-6 is a million there, which Adam's second moment would not forget for tens of thousands of steps.
 * The bound is taken below the root, whose own gradient at 0 is infinite.
 */
const direction = (value: Value): Value => {
  const square = reduceSum(mul(value, value), sampleAxes(value))
  return where(less(square, floor ** 2), 0, div(value, sqrt(max(square, floor ** 2))))
}

/**
 * ReflexFlow's anti-drift rectification (arXiv 2512.04904): the predicted velocity v̂ at the drifted latent x̂ should point
 * from the data to where the sample has drifted,
 *
 *     ‖ v̂/‖v̂‖ − (x̂ − x0)/‖x̂ − x0‖ ‖² = 2 − 2·cos ∈ [0, 4],
 *
 * norms over each sample, in the convention v = epsilon − x0. Scale-invariant in v̂; its gradient is orthogonal to v̂.
 *
 * @param on which samples count: those that were `rolled` out (default), or `all`
 * @example
 * const loss: Loss<'flow_matching'> = sum(mse, scaled(10)(antiDrift()))
 */
export const antiDrift = ({
  on = 'rolled',
}: { readonly on?: 'rolled' | 'all' } = {}): Loss<'flow_matching'> => {
  const everywhere: Loss<'flow_matching'> = {
    terms: [
      {
        name: 'anti_drift',
        weight: 1,
        perSample: ({ prediction, latents, data }) => {
          const difference = sub(direction(prediction), direction(sub(latents, data)))
          return reduceSum(mul(difference, difference), sampleAxes(difference), false)
        },
      },
    ],
  }
  return on === 'all' ? everywhere : rolledOnly(everywhere)
}
