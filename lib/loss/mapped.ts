import { min, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Loss, LossInputs, Pointwise } from './loss.js'

/**
 * Applies a function to every element of an elementwise loss; the function may look at the inputs.
 *
 * @param f of [batch, …sample] to the same shape
 * @example
 * const robust = mean('log_mse', mapElements((loss) => log(add(1, loss)))(squaredError))
 */
export const mapElements =
  <W extends Parameterisation>(f: (loss: Value, inputs: LossInputs<W>) => Value) =>
  <P extends W, N extends string = never>(pointwise: Pointwise<P, N>): Pointwise<P, N> =>
  (inputs) =>
    f(pointwise(inputs), inputs)

/**
 * Applies a function to each term's loss of every sample; the function may look at the inputs.
 *
 * @param f of [batch] to [batch]
 * @example
 * const rooted: Loss<'epsilon'> = mapSamples((loss) => sqrt(add(loss, 1e-8)))(mse)
 */
export const mapSamples =
  <W extends Parameterisation>(f: (loss: Value, inputs: LossInputs<W>) => Value) =>
  <P extends W, N extends string = never>(loss: Loss<P, N>): Loss<P, N> => ({
    terms: loss.terms.map((term) => ({
      ...term,
      perSample: (inputs) => f(term.perSample(inputs), inputs),
    })),
  })

/**
 * Holds each term's loss of a sample at a largest value, beyond which it teaches nothing.
 *
 * @example
 * const loss: Loss<'epsilon'> = clamped(4)(mse)
 */
export const clamped = (
  largest: number,
): (<P extends Parameterisation, N extends string = never>(loss: Loss<P, N>) => Loss<P, N>) =>
  mapSamples((loss) => min(loss, largest))
