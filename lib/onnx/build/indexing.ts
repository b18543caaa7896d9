import type { GivenAttributes } from '../operators/index.js'
import { single } from '../operator.js'
import type { Value } from '../value.js'

/** Functions that read or write where an integer tensor says; negative indices count from the end. */

/**
 * Slices of x along an axis at given indices: that axis is replaced by the axes of the indices. ONNX Gather.
 *
 * @example
 * const table = parameter('label.weight', float32([11, 4], new Float32Array(44)))
 * const embedded = gather(table, input('label', 'int64', ['batch']), 0)
 */
export const gather = (x: Value, indices: Value, axis = 0): Value => single('Gather', [x, indices], { axis })

/**
 * For every index, the element of x at the same place but for the index along `axis`; the result has the indices' shape.
 * ONNX GatherElements.
 *
 * @example
 * const y = gatherElements(input('x', 'float32', [4, 8]), input('i', 'int64', [4, 2]), 1)
 */
export const gatherElements = (x: Value, indices: Value, axis = 0): Value =>
  single('GatherElements', [x, indices], { axis })

/**
 * Slices of x at index tuples: indices [.., n] name the first n axes (after `batch_dims` common ones). ONNX GatherND.
 *
 * @example
 * const y = gatherND(input('x', 'float32', [4, 8]), input('i', 'int64', [5, 2]))
 */
export const gatherND = (x: Value, indices: Value, options: GivenAttributes<'GatherND'> = {}): Value =>
  single('GatherND', [x, indices], options)

/**
 * x with updates written (or added, …) at index tuples: indices [.., n] name the first n axes. ONNX ScatterND.
 *
 * @example
 * const y = scatterND(input('x', 'float32', [4, 8]), input('i', 'int64', [5, 1]), input('u', 'float32', [5, 8]), { reduction: 'add' })
 */
export const scatterND = (
  x: Value,
  indices: Value,
  updates: Value,
  options: GivenAttributes<'ScatterND'> = {},
): Value => single('ScatterND', [x, indices, updates], options)

/**
 * x with updates written (or added, …) at the same place but for the index along `axis`. ONNX ScatterElements.
 *
 * @example
 * const y = scatterElements(input('x', 'float32', [4, 8]), input('i', 'int64', [4, 2]), input('u', 'float32', [4, 2]), { axis: 1 })
 */
export const scatterElements = (
  x: Value,
  indices: Value,
  updates: Value,
  options: GivenAttributes<'ScatterElements'> = {},
): Value => single('ScatterElements', [x, indices, updates], options)

/**
 * A new axis of length `depth` with values[1] at the index and values[0] elsewhere. ONNX OneHot.
 *
 * @example
 * const y = oneHot(input('label', 'int64', ['batch']), scalar(10, 'int64'), constant(float32([2], [0, 1])))
 */
export const oneHot = (indices: Value, depth: Value, values: Value, axis = -1): Value =>
  single('OneHot', [indices, depth, values], { axis })

/**
 * The indices of the elements that are not 0, [rank, count] int64. ONNX NonZero.
 *
 * @example
 * const y = nonZero(input('mask', 'bool', [8]))
 */
export const nonZero = (x: Value): Value => single('NonZero', [x], {})
