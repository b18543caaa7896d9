import { elementArrays, size, type Tensor } from '../../types/index.js'
import type { Typed } from '../definition.js'
import { fromNumbers, toNumbers } from '../element.js'
import { isStatic } from '../shape.js'

/** Folding kernels: constants in, constants out, computed in float64 and rounded once to the element type. */

export type Evaluate = (
  inputs: ReadonlyArray<Tensor | undefined>,
  outputs: ReadonlyArray<Typed>,
) => ReadonlyArray<Tensor> | undefined

/**
 * Dimensions of the first output; folding only ever sees constants, so they are numbers.
 *
 * @example
 * const lengths = fold.staticDims([{ type: 'float32', shape: [2, 3] }]) // [2, 3]
 */
export const staticDims = (outputs: ReadonlyArray<Typed>): ReadonlyArray<number> => {
  const shape = outputs[0]?.shape ?? []
  if (!isStatic(shape)) throw new TypeError('constant inputs have to give a static shape')
  return shape
}

/**
 * Row-major strides, in elements.
 *
 * @example
 * const strides = fold.stridesOf([2, 3, 4]) // [12, 4, 1]
 */
export const stridesOf = (dims: ReadonlyArray<number>): ReadonlyArray<number> => {
  const strides = new Array<number>(dims.length).fill(1)
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (dims[i + 1] ?? 1)
  return strides
}

/**
 * For every element of a tensor of shape `dims`, in row-major order, the offset Σ index·stride + start. Strides of 0 repeat,
 * negative ones run backwards: broadcasting, transposing and slicing are all this one walk.
 *
 * @example
 * const transposed = fold.walk([3, 2], [1, 3]) // 0 3 1 4 2 5
 */
export const walk = (dims: ReadonlyArray<number>, strides: ReadonlyArray<number>, start = 0): Uint32Array => {
  const offsets = new Uint32Array(size(dims))
  const index = new Array<number>(dims.length).fill(0)
  let offset = start
  for (let i = 0; i < offsets.length; i++) {
    offsets[i] = offset
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1
      const length = dims[axis] ?? 1
      const stride = strides[axis] ?? 0
      if (next < length) {
        index[axis] = next
        offset += stride
        break
      }
      index[axis] = 0
      offset -= (length - 1) * stride
    }
  }
  return offsets
}

/**
 * Strides that read a tensor as if it were broadcast to `dims`.
 *
 * @example
 * const strides = fold.broadcastStrides([3, 1], [2, 3, 4]) // [0, 1, 0]
 */
export const broadcastStrides = (
  from: ReadonlyArray<number>,
  dims: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const strides = stridesOf(from)
  const missing = dims.length - from.length
  return dims.map((_, i) => (i < missing || from[i - missing] === 1 ? 0 : (strides[i - missing] ?? 0)))
}

/**
 * A tensor of `length` elements put together from elements of others; bits are copied, never converted.
 *
 * @example
 * const x = float32([2], [1, 2])
 * const swapped = fold.assembled(x, [2], (write) => {
 *   write(0, x, 1)
 *   write(1, x, 0)
 * })
 */
export const assembled = <T extends Tensor>(
  like: T,
  dims: ReadonlyArray<number>,
  fill: (write: (at: number, from: Tensor, offset: number) => void) => void,
): T => {
  const data: Record<number, number | bigint> = new elementArrays[like.type](size(dims))
  fill((at, from, offset) => {
    data[at] = from.data[offset] ?? 0
  })
  return { ...like, dims, data }
}

/**
 * The elements at given offsets, with new dimensions.
 *
 * @example
 * const column = fold.pick(float32([2, 2], [1, 2, 3, 4]), [2], [0, 2]) // [1, 3]
 */
export const pick = <T extends Tensor>(
  tensor: T,
  dims: ReadonlyArray<number>,
  offsets: ArrayLike<number>,
): T =>
  assembled(tensor, dims, (write) => {
    for (let i = 0; i < offsets.length; i++) write(i, tensor, offsets[i] ?? 0)
  })

/**
 * The same data with other dimensions.
 *
 * @example
 * const row = fold.redimensioned(float32([2], [1, 2]), [1, 2])
 */
export const redimensioned = (tensor: Tensor, dims: ReadonlyArray<number>): Tensor => ({ ...tensor, dims })

/** The elements of a tensor broadcast to `dims`, as float64. */
const broadcastNumbers = (tensor: Tensor, dims: ReadonlyArray<number>): Float64Array => {
  const values = toNumbers(tensor)
  if (values.length === size(dims)) return values
  return Float64Array.from(walk(dims, broadcastStrides(tensor.dims, dims)), (offset) => values[offset] ?? 0)
}

/**
 * f of the elements of all inputs, broadcast; inputs left out are skipped.
 *
 * @example
 * const add = fold.elementwise((a = 0, b = 0) => a + b)
 * const [three] = add([float32([1], [1]), float32([1], [2])], [{ type: 'float32', shape: [1] }]) ?? []
 */
export const elementwise =
  (f: (...xs: ReadonlyArray<number>) => number): Evaluate =>
  (inputs, outputs) => {
    const dims = staticDims(outputs)
    const values = inputs.flatMap((x) => (x === undefined ? [] : [broadcastNumbers(x, dims)]))
    const result = new Float64Array(size(dims))
    const xs = new Array<number>(values.length).fill(0)
    for (let i = 0; i < result.length; i++) {
      for (let j = 0; j < values.length; j++) xs[j] = values[j]?.[i] ?? 0
      result[i] = f(...xs)
    }
    return typed(outputs, dims, result)
  }

/**
 * One result from float64 numbers, of the inferred element type.
 *
 * @example
 * const [half] = fold.typed([{ type: 'float16', shape: [1] }], [1], [0.5]) ?? []
 */
export const typed = (
  outputs: ReadonlyArray<Typed>,
  dims: ReadonlyArray<number>,
  values: ArrayLike<number>,
): ReadonlyArray<Tensor> | undefined => {
  const tensor = fromNumbers(outputs[0]?.type ?? 'float32', dims, values)
  return tensor === undefined ? undefined : [tensor]
}
