/** Plain tensors: an element type, dimensions, and row-major data. No methods, no ownership: the data is the value. */

export type ElementData = {
  readonly float32: Float32Array
  readonly float64: Float64Array
  /** Raw bits: JavaScript has no portable half-precision array yet. */
  readonly float16: Uint16Array
  readonly bfloat16: Uint16Array
  readonly int64: BigInt64Array
  readonly uint64: BigUint64Array
  readonly int32: Int32Array
  readonly uint32: Uint32Array
  readonly int16: Int16Array
  readonly uint16: Uint16Array
  readonly int8: Int8Array
  readonly uint8: Uint8Array
  /** One byte an element, 0 or 1. */
  readonly bool: Uint8Array
}

export type ElementType = keyof ElementData

/** A typed array of some length, or over existing bytes. */
type ArrayOf<D> = new (lengthOrBytes: number | ArrayBuffer) => D

/** The array constructor of every element type. */
export const elementArrays: { readonly [E in ElementType]: ArrayOf<ElementData[E]> } = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
}

export type TensorOf<E extends ElementType> = {
  readonly type: E
  /** Non-negative integers; `[]` is a scalar. */
  readonly dims: ReadonlyArray<number>
  /** Row-major, `size(dims)` elements. */
  readonly data: ElementData[E]
}

export type Tensor = { readonly [E in ElementType]: TensorOf<E> }[ElementType]

/**
 * The number of elements of a tensor with these dimensions; 1 for a scalar.
 *
 * @example
 * const elements = size([1, 28, 28]) // 784
 */
export const size = (dims: ReadonlyArray<number>): number => dims.reduce((n, d) => n * d, 1)

/**
 * A float32 tensor over existing data (not copied).
 *
 * @example
 * const identity = float32([2, 2], [1, 0, 0, 1])
 */
export const float32 = (
  dims: ReadonlyArray<number>,
  data: Float32Array | ReadonlyArray<number>,
): TensorOf<'float32'> => ({
  type: 'float32',
  dims,
  data: data instanceof Float32Array ? data : Float32Array.from(data),
})

/**
 * An int64 tensor; numbers must be integers.
 *
 * @example
 * const labels = int64([3], [7, 0, 4])
 */
export const int64 = (dims: ReadonlyArray<number>, data: ReadonlyArray<number>): TensorOf<'int64'> => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(data, BigInt),
})

/** What a model is given beside latent and time: tensors by input name, each with the batch as its leading axis. */
export type Conditioning = Readonly<Record<string, Tensor>>

/** The length of a row: the elements of one entry along the leading axis. */
const rowLength = (tensor: Tensor): number => size(tensor.dims.slice(1))

/**
 * The rows (entries along the leading axis) with these indices, in this order, copied.
 *
 * @example
 * const reversed = takeRows(int64([3], [7, 0, 4]), [2, 1, 0])
 */
export const takeRows = <T extends Tensor>(tensor: T, rows: ArrayLike<number>): T => {
  const row = rowLength(tensor)
  const bytes = tensor.data.BYTES_PER_ELEMENT * row
  const from = new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
  const to = new Uint8Array(bytes * rows.length)
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i] * bytes
    to.set(from.subarray(start, start + bytes), i * bytes)
  }
  const data = new elementArrays[tensor.type](to.buffer)
  // The table gives the array that belongs to the element type, which the compiler cannot follow through a union.
  return { ...tensor, dims: [rows.length, ...tensor.dims.slice(1)], data }
}

/**
 * The first `count` rows, as a view of the same data.
 *
 * @example
 * const first = headRows(int64([3], [7, 0, 4]), 1)
 */
export const headRows = <T extends Tensor>(tensor: T, count: number): T => ({
  ...tensor,
  dims: [count, ...tensor.dims.slice(1)],
  data: tensor.data.subarray(0, count * rowLength(tensor)),
})
