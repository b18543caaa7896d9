import { mul, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Loss, LossInputs } from './loss.js'

/** A number per sample, [batch], that nothing trained depends on. */
export type PerSample<P extends Parameterisation> = (inputs: LossInputs<P>) => Value

/**
 * Multiplies a loss by a weight per sample. What the weight is defined for decides which models the result can train.
 *
 * @example
 * const loss: Loss<'epsilon'> = weighted(minSnr(5))(mse)
 */
export const weighted =
  <W extends Parameterisation>(weight: PerSample<W>) =>
  <P extends W>(loss: Loss<P>): Loss<P> => ({
    terms: loss.terms.map((term) => ({
      ...term,
      perSample: (inputs) => mul(term.perSample(inputs), weight(inputs)),
    })),
  })
