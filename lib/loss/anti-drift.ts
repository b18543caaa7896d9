import { div, max, mul, reduceSum, sqrt, sub, type Value } from '../onnx/index.js'
import { type Loss, rolledOnly, sampleAxes } from './loss.js'

/** Keeps directions of vanishing vectors finite. */
const floor = 1e-6

/**
 * value / max(‖value‖₂, 1e-6), the Euclidean norm over each sample. The bound is taken below the root, whose gradient at 0 is
 * infinite: a model that starts out predicting zeros would otherwise never get away from NaN.
 */
const direction = (value: Value): Value =>
  div(value, sqrt(max(reduceSum(mul(value, value), sampleAxes(value)), floor ** 2)))

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
