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

/** The bytes of one element of every type. */
export const elementBytes: { readonly [E in ElementType]: number } = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  uint64: 8,
  int32: 4,
  uint32: 4,
  int16: 2,
  uint16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
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
 * The bytes of a tensor's elements, by its type and dimensions alone.
 *
 * @example
 * const bytes = byteLength({ type: 'float32', dims: [2, 3] }) // 24
 */
export const byteLength = ({ type, dims }: Pick<Tensor, 'type' | 'dims'>): number =>
  elementBytes[type] * size(dims)

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

/** Copies a dense array into the front corner of one that is at least as long along every axis; both as bytes. */
const placed = (
  from: Uint8Array,
  fromDims: ReadonlyArray<number>,
  to: Uint8Array,
  toDims: ReadonlyArray<number>,
): void => {
  if (fromDims.every((dim, axis) => dim === toDims[axis])) to.set(from)
  else {
    const [own, room] = [from.length / fromDims[0], to.length / toDims[0]]
    for (let i = 0; i < fromDims[0]; i++)
      placed(
        from.subarray(i * own, (i + 1) * own),
        fromDims.slice(1),
        to.subarray(i * room, (i + 1) * room),
        toDims.slice(1),
      )
  }
}

/**
 * Tensors of one element type and rank under each other, along a new leading axis: [tensors, …]. Where they differ in length along an axis,
 * the shorter ones are followed by zeros.
 *
 * @throws RangeError where there is none, or element types or ranks differ
 * @example
 * const { dims, data } = stacked([int64([1], [7]), int64([2], [0, 4])]) // [2, 2]: 7 0, 0 4
 */
export const stacked = <T extends Tensor>(tensors: ReadonlyArray<T>): T => {
  const [first] = tensors
  if (tensors.length === 0) throw new RangeError('there is nothing to stack')
  if (tensors.some(({ type, dims }) => type !== first.type || dims.length !== first.dims.length))
    throw new RangeError(
      `tensors of different types or ranks cannot be stacked: ${tensors.map(({ type, dims }) => `${type}[${dims.join()}]`).join(' ')}`,
    )
  const dims = first.dims.map((_, axis) => Math.max(...tensors.map((tensor) => tensor.dims[axis])))
  const bytes = size(dims) * first.data.BYTES_PER_ELEMENT
  const all = new Uint8Array(bytes * tensors.length)
  tensors.forEach(({ data, dims: own }, i) => {
    const from = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    placed(from, own, all.subarray(i * bytes, (i + 1) * bytes), dims)
  })
  const data = new elementArrays[first.type](all.buffer)
  // The table gives the array that belongs to the element type, which the compiler cannot follow through a union.
  return { ...first, dims: [tensors.length, ...dims], data }
}
