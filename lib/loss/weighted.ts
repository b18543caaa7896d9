import { mul, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { type Loss, type LossInputs, perElement, type Pointwise } from './loss.js'

/** A number per sample, [batch], that nothing trained depends on. */
export type PerSample<P extends Parameterisation, N extends string = never> = (
  inputs: LossInputs<P, N>,
) => Value

/**
 * Multiplies a loss by a weight per sample. What the weight is defined for decides which models the result can train.
 *
 * @example
 * const loss: Loss<'epsilon'> = weighted(minSnr(5))(mse)
 */
export const weighted =
  <W extends Parameterisation, M extends string = never>(weight: PerSample<W, M>) =>
  <P extends W, N extends string = never>(loss: Loss<P, N>): Loss<P, N | M> => ({
    terms: loss.terms.map((term) => ({
      ...term,
      perSample: (inputs) => mul(term.perSample(inputs), weight(inputs)),
    })),
  })

/**
 * Multiplies an elementwise loss by a weight per sample, as `weighted` does a whole one.
 *
 * @example
 * const loss: Loss<'epsilon'> = mean('mse', weightedElements(minSnr(5))(squaredError))
 */
export const weightedElements =
  <W extends Parameterisation, M extends string = never>(weight: PerSample<W, M>) =>
  <P extends W, N extends string = never>(pointwise: Pointwise<P, N>): Pointwise<P, N | M> =>
  (inputs) => {
    const elements = pointwise(inputs)
    return mul(elements, perElement(weight(inputs), elements))
  }
