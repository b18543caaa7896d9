import { mul, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Loss, LossInputs } from './loss.js'

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
