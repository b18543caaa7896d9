import type { GivenAttributes } from '../operators/index.js'
import { operator, single } from '../operator.js'
import { axisOf } from '../shape.js'
import type { Value } from '../value.js'
import { integersOf, scalar } from './operand.js'

/**
 * Reductions and running operators. Axes may be counted from the end; without axes everything is reduced, and an empty list
 * reduces nothing. Reduced axes stay with length 1 unless `keepDims` is false.
 */

type Reduction =
  `Reduce${'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod' | 'SumSquare' | 'L1' | 'L2' | 'LogSum' | 'LogSumExp'}`

const reduce = (
  name: Reduction,
  x: Value,
  axes: ReadonlyArray<number> | undefined,
  keepDims: boolean,
): Value => {
  const rank = x.shape.length
  // One canonical order, so that equal reductions are equal expressions; a bad axis is left for the operator to refuse.
  const sorted = axes?.map((axis) => axisOf(axis, rank) ?? axis).sort((a, b) => a - b)
  const all = sorted === undefined || (rank > 0 && sorted.length === rank)
  return single(name, all ? [x] : [x, integersOf(sorted)], {
    keepdims: keepDims,
    noop_with_empty_axes: sorted?.length === 0,
  })
}

/**
 * Sum over some axes. ONNX ReduceSum.
 *
 * @example
 * const y = reduceSum(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceSum = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceSum', x, axes, keepDims)

/**
 * Mean over some axes. ONNX ReduceMean.
 *
 * @example
 * const y = reduceMean(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceMean = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceMean', x, axes, keepDims)

/**
 * Largest element over some axes. ONNX ReduceMax.
 *
 * @example
 * const y = reduceMax(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceMax = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceMax', x, axes, keepDims)

/**
 * Smallest element over some axes. ONNX ReduceMin.
 *
 * @example
 * const y = reduceMin(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceMin = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceMin', x, axes, keepDims)

/**
 * Product over some axes. ONNX ReduceProd.
 *
 * @example
 * const y = reduceProd(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceProd = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceProd', x, axes, keepDims)

/**
 * Sum of squares over some axes. ONNX ReduceSumSquare.
 *
 * @example
 * const y = reduceSumSquare(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceSumSquare = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceSumSquare', x, axes, keepDims)

/**
 * Sum of magnitudes over some axes. ONNX ReduceL1.
 *
 * @example
 * const y = reduceL1(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceL1 = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceL1', x, axes, keepDims)

/**
 * Root of the sum of squares over some axes. ONNX ReduceL2.
 *
 * @example
 * const y = reduceL2(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceL2 = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceL2', x, axes, keepDims)

/**
 * Logarithm of the sum over some axes. ONNX ReduceLogSum.
 *
 * @example
 * const y = reduceLogSum(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceLogSum = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceLogSum', x, axes, keepDims)

/**
 * Logarithm of the sum of exponentials, without overflow over some axes. ONNX ReduceLogSumExp.
 *
 * @example
 * const y = reduceLogSumExp(input('x', 'float32', ['batch', 4]), [1], false)
 */
export const reduceLogSumExp = (x: Value, axes?: ReadonlyArray<number>, keepDims = true): Value =>
  reduce('ReduceLogSumExp', x, axes, keepDims)

/**
 * Index of the largest element along one axis; int64. The first of several. ONNX ArgMax.
 *
 * @example
 * const y = argMax(input('x', 'float32', ['batch', 4]), 1)
 */
export const argMax = (x: Value, axis: number, keepDims = true): Value =>
  single('ArgMax', [x], { axis, keepdims: keepDims })

/**
 * Index of the smallest element along one axis; int64. The first of several. ONNX ArgMin.
 *
 * @example
 * const y = argMin(input('x', 'float32', ['batch', 4]), 1)
 */
export const argMin = (x: Value, axis: number, keepDims = true): Value =>
  single('ArgMin', [x], { axis, keepdims: keepDims })

/**
 * exp(x) / Σ exp(x) along one axis. ONNX Softmax.
 *
 * @example
 * const y = softmax(input('x', 'float32', ['batch', 4]))
 */
export const softmax = (x: Value, axis = -1): Value => single('Softmax', [x], { axis })

/**
 * log softmax(x) along one axis, without overflow. ONNX LogSoftmax.
 *
 * @example
 * const y = logSoftmax(input('x', 'float32', ['batch', 4]))
 */
export const logSoftmax = (x: Value, axis = -1): Value => single('LogSoftmax', [x], { axis })

/**
 * Running sum along one axis; `exclusive` leaves the element itself out, `reverse` runs from the end. ONNX CumSum.
 *
 * @example
 * const y = cumSum(input('x', 'float32', ['batch', 4]), 1)
 */
export const cumSum = (x: Value, axis: number, options: GivenAttributes<'CumSum'> = {}): Value =>
  single('CumSum', [x, scalar(axis, 'int64')], options)

/**
 * The k largest elements along one axis in descending order, and their indices (int64). ONNX TopK.
 *
 * @example
 * const { values, indices } = topK(input('x', 'float32', ['batch', 10]), 3)
 */
export const topK = (
  x: Value,
  k: number,
  options: GivenAttributes<'TopK'> = {},
): { readonly values: Value; readonly indices: Value } => {
  const results = operator('TopK', [x, integersOf([k])], options, 2)
  const [values, indices] = [results.at(0), results.at(1)]
  if (values === undefined || indices === undefined) throw new TypeError('TopK has two outputs')
  return { values, indices }
}
