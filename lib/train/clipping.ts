import {
  add,
  clip,
  div,
  isStatic,
  min,
  mul,
  reduceSum,
  reduceSumSquare,
  sqrt,
  sum,
  type Value,
} from '../onnx/index.js'
import { size } from '../types/index.js'

/** Tensors with more elements are summed row by row: on the CPU one float32 sum of so many squares loses digits, 1 % of 2²⁴ equal ones. */
const longestSum = 2 ** 20

const sumOfSquares = (g: Value): Value => {
  const axes = [...g.shape.keys()]
  return isStatic(g.shape) && size(g.shape) > longestSum && axes.length > 1
    ? reduceSum(reduceSumSquare(g, axes.slice(1), false), [0], false)
    : reduceSumSquare(g, axes, false)
}

/**
 * The Euclidean norm over all gradients together: a scalar.
 *
 * @example
 * declare const gradients: ReadonlyArray<Value>
 * const norm = globalNorm(gradients)
 */
export const globalNorm = (gradients: ReadonlyArray<Value>): Value => sqrt(sum(gradients.map(sumOfSquares)))

/**
 * Scales all gradients by one factor so that their global norm is at most `limit` (Pascanu et al. 2013, arXiv 1211.5063): their
 * direction stays. As in PyTorch the factor is min(1, limit / (norm + 1e-6)).
 *
 * @example
 * declare const gradients: ReadonlyArray<Value>
 * const clipped = clipByGlobalNorm(gradients, 1)
 */
export const clipByGlobalNorm = (gradients: ReadonlyArray<Value>, limit: number): ReadonlyArray<Value> => {
  const factor = min(1, div(limit, add(globalNorm(gradients), 1e-6)))
  return gradients.map((g) => mul(g, factor))
}

/**
 * Brings every element of every gradient into −limit … limit (Mikolov 2012): their direction may change.
 *
 * @example
 * declare const gradients: ReadonlyArray<Value>
 * const clipped = clipByValue(gradients, 0.5)
 */
export const clipByValue = (gradients: ReadonlyArray<Value>, limit: number): ReadonlyArray<Value> =>
  gradients.map((g) => clip(g, -limit, limit))

export type ClippingOptions = {
  /** The largest element of a gradient, by size; larger ones are cut to it. Default: no limit. */
  readonly maxGradientValue?: number
  /** The largest global norm of the gradient; larger ones are scaled down to it. Default: no limit. */
  readonly maxGradientNorm?: number
}

/**
 * Both ways of clipping, each only if asked for: elements first, then the norm.
 *
 * @example
 * declare const gradients: ReadonlyArray<Value>
 * const same = clipped(gradients, {})
 */
export const clipped = (
  gradients: ReadonlyArray<Value>,
  { maxGradientValue, maxGradientNorm }: ClippingOptions,
): ReadonlyArray<Value> => {
  const cut = maxGradientValue === undefined ? gradients : clipByValue(gradients, maxGradientValue)
  return maxGradientNorm === undefined ? cut : clipByGlobalNorm(cut, maxGradientNorm)
}
