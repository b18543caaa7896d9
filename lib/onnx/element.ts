import { type ElementType, float32, size, type Tensor, type TensorOf } from '../types/index.js'
import { float16Bits, float16BitsOf, float16Values } from './half.js'

/** Element types by what can be done with them, and conversion of tensors to and from float64 numbers. */

export const floats = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
] as const satisfies ReadonlyArray<ElementType>

export const integers = [
  'int64',
  'int32',
  'int16',
  'int8',
  'uint64',
  'uint32',
  'uint16',
  'uint8',
] as const satisfies ReadonlyArray<ElementType>

export const numbers: ReadonlyArray<ElementType> = [...floats, ...integers]

/**
 * Whether elements of this type are floating-point numbers.
 *
 * @example
 * const differentiable = isFloat('int64') // false
 */
export const isFloat = (type: ElementType): boolean => floats.some((float) => float === type)

/**
 * Whether elements of this type are whole numbers; booleans are not.
 *
 * @example
 * const countable = isInteger('uint8') // true
 */
export const isInteger = (type: ElementType): boolean => integers.some((integer) => integer === type)

/** Above this many elements a tensor is data, not shape arithmetic. */
export const longestShape = 64

/** Up to this many bytes a tensor is not worth putting off, nor putting beside a file: a page of memory. */
export const smallBytes = 4096

/**
 * The `elements` of a constant: of small integer and boolean vectors and scalars, which is what shapes are computed from.
 *
 * @example
 * const known = elementsOf(int64([2], [3, 4])) // { elements: [3, 4] }
 */
export const elementsOf = (tensor: Tensor): { readonly elements?: ReadonlyArray<number> } =>
  tensor.dims.length <= 1 &&
  size(tensor.dims) <= longestShape &&
  (tensor.type === 'int64' || tensor.type === 'int32' || tensor.type === 'bool')
    ? { elements: Array.from(tensor.data, Number) }
    : {}

/**
 * The elements as float64. Integers beyond 2^53 are rounded.
 *
 * @example
 * const numbers = toNumbers(int64([2], [3, 4])) // Float64Array [3, 4]
 */
export const toNumbers = (tensor: Tensor): Float64Array => {
  switch (tensor.type) {
    case 'float64':
      return tensor.data
    case 'float16':
      return Float64Array.from(float16Values(tensor.data))
    case 'bfloat16':
      return Float64Array.from(bfloat16Values(tensor.data))
    case 'int64':
    case 'uint64':
      return Float64Array.from(tensor.data, Number)
    default:
      return Float64Array.from(tensor.data)
  }
}

/**
 * A tensor of floats as float32.
 *
 * @example
 * const one = asFloat32({ type: 'float16', dims: [1], data: Uint16Array.of(0x3c00) }) // 1
 */
export const asFloat32 = (tensor: Tensor): TensorOf<'float32'> =>
  tensor.type === 'float32' ? tensor : float32(tensor.dims, float32Elements(tensor))

const float32Elements = (tensor: Tensor): Float32Array => {
  switch (tensor.type) {
    case 'float16':
      return float16Values(tensor.data)
    case 'bfloat16':
      return bfloat16Values(tensor.data)
    default:
      return Float32Array.from(toNumbers(tensor))
  }
}

/** The upper half of a float32. */
const bfloat16Values = (bits: Uint16Array): Float32Array => {
  const wide = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16
  return new Float32Array(wide.buffer)
}

/**
 * A tensor of a given type from float64 numbers: floats rounded to nearest, integers cut towards zero and wrapped, booleans true
 * where not 0. Undefined where a 64-bit integer would not be exact: the runtime computes in real 64-bit arithmetic.
 *
 * @example
 * const tensor = fromNumbers('float16', [2], [0.5, 1])
 */
export const fromNumbers = (
  type: ElementType,
  dims: ReadonlyArray<number>,
  values: ArrayLike<number>,
): Tensor | undefined => {
  switch (type) {
    case 'float32':
      return { type, dims, data: Float32Array.from(values) }
    case 'float64':
      return { type, dims, data: Float64Array.from(values) }
    case 'float16':
      return { type, dims, data: Uint16Array.from(values, float16Bits) }
    case 'bfloat16':
      return { type, dims, data: Uint16Array.from(values, bfloat16Bits) }
    case 'int64':
      return Array.from(values).every(isExact)
        ? { type, dims, data: BigInt64Array.from(Array.from(values, truncated)) }
        : undefined
    case 'uint64':
      return Array.from(values).every((x) => isExact(x) && x > -1)
        ? { type, dims, data: BigUint64Array.from(Array.from(values, truncated)) }
        : undefined
    case 'int32':
      return { type, dims, data: Int32Array.from(values) }
    case 'uint32':
      return { type, dims, data: Uint32Array.from(values) }
    case 'int16':
      return { type, dims, data: Int16Array.from(values) }
    case 'uint16':
      return { type, dims, data: Uint16Array.from(values) }
    case 'int8':
      return { type, dims, data: Int8Array.from(values) }
    case 'uint8':
      return { type, dims, data: Uint8Array.from(values) }
    case 'bool':
      return { type, dims, data: Uint8Array.from(values, (x) => (x === 0 ? 0 : 1)) }
  }
}

const isExact = (x: number): boolean => Math.abs(x) <= Number.MAX_SAFE_INTEGER

const truncated = (x: number): bigint => BigInt(Math.trunc(x))

/** Round to nearest, ties to even, on the upper half of the float32. */
const bfloat16Bits = (x: number): number => {
  const [bits = 0] = new Uint32Array(Float32Array.of(x).buffer)
  if (Number.isNaN(x)) return 0x7fc0
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

/**
 * A tensor in another element type, as `fromNumbers` rounds.
 *
 * @throws RangeError where 64-bit integers would not be exact
 * @example
 * const half = converted(float32([1], [1]), 'float16') // 0x3c00
 */
export const converted = (tensor: Tensor, type: ElementType): Tensor => {
  if (type === 'float32' && isFloat(tensor.type)) return asFloat32(tensor)
  if (type === 'float16' && tensor.type === 'float32')
    return { type, dims: tensor.dims, data: float16BitsOf(tensor.data) }
  const made = fromNumbers(type, tensor.dims, toNumbers(tensor))
  if (made === undefined) throw new RangeError(`${tensor.type} is not exact as ${type}`)
  return made
}

/**
 * A tensor with every element the same.
 *
 * @example
 * const zeros = filled('float32', [2, 3], 0)
 */
export const filled = (type: ElementType, dims: ReadonlyArray<number>, x: number): Tensor => {
  const tensor = fromNumbers(type, dims, new Float64Array(size(dims)).fill(x))
  if (tensor === undefined) throw new RangeError(`${x} is not an exact ${type}`)
  return tensor
}
