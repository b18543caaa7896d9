import * as E from 'fp-ts/lib/Either.js'
import {
  deferred,
  elementArrays,
  elementBytes,
  reasonOf,
  size,
  type ElementData,
  type ElementType,
  type ErrorOf,
  type StoredAt,
  type Tensor,
} from '../../types/index.js'
import { elementTypeOf, showDataType } from './data-type.js'
import { smallBytes } from '../element.js'
import { fourBits } from '../four-bits.js'
import { GraphFailure } from '../graph-failure.js'
import { TensorProto_DataLocation, TensorProto_DataType, type TensorProto } from '../proto/onnx_pb.js'

/** The field that holds the elements where they are not raw bytes; 16-bit floats are bits in int32_data. */
const typedField = (proto: TensorProto, type: ElementType): ReadonlyArray<number | bigint> => {
  switch (type) {
    case 'float32':
      return proto.floatData
    case 'float64':
      return proto.doubleData
    case 'int64':
      return proto.int64Data
    case 'uint64':
    case 'uint32':
      return proto.uint64Data
    default:
      return proto.int32Data
  }
}

/** Where the elements of a tensor are that is stored beside its model: so many bytes of another file. */
export type ExternalSlice = {
  /** The other file, relative to the model's folder, as the model says it. Nobody has checked it. */
  readonly location: string
  readonly offset: number
  readonly length: number
}

/** Bytes of another file: they are there, and read when somebody needs them. */
export type ExternalBytes = {
  /** Gives exactly so many bytes as were asked for, in a buffer that becomes the tensor's own. */
  readonly read: () => ArrayBuffer
  /** Where they are, for who can take them from there without reading them here. */
  readonly storedAt?: StoredAt
}

/**
 * Finds the bytes of another file. It has to refuse what lies outside the model's folder or beyond the end of the file: the lengths are the
 * file's, and may be anything.
 */
export type ReadExternal = (slice: ExternalSlice) => E.Either<ErrorOf<'GraphError'>, ExternalBytes>

/** Models that are a single file. */
const nothingExternal: ReadExternal = ({ location }) =>
  E.left({
    _tag: 'GraphError',
    message: `they are in another file, "${location}"; read the model from its folder, or save it as a single file (external data off)`,
  })

/**
 * Lengths in a file as numbers; what no memory can hold is refused before anything is allocated.
 *
 * @example
 * const lengths = file.decodeDims([2n, 3n], 'w') // [2, 3]
 */
export const decodeDims = (dims: ReadonlyArray<bigint>, name: string): ReadonlyArray<number> =>
  dims.map((dim) => {
    if (dim < 0n || dim > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new GraphFailure(`tensor "${name}" has an axis of length ${dim}`, name)
    }
    return Number(dim)
  })

/** What a model says of a tensor stored beside it. */
const externalSlice = (proto: TensorProto, name: string, bytes: number): ExternalSlice => {
  const entry = (key: string): string | undefined => proto.externalData.find((e) => e.key === key)?.value
  const count = (key: string): number | undefined => {
    const text = entry(key)
    if (text === undefined) return undefined
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    if (Number.isSafeInteger(value)) return value
    throw new GraphFailure(
      `the ${key} of tensor "${name}" in another file is "${text}", no number of bytes`,
      name,
    )
  }
  const location = entry('location')
  if (location === undefined || location === '')
    throw new GraphFailure(`tensor "${name}" is in another file, but the model does not say which`, name)
  const length = count('length') ?? bytes
  if (length !== bytes)
    throw new GraphFailure(
      `tensor "${name}" of shape [${proto.dims.join(', ')}] needs ${bytes} bytes, but the model says that "${location}" has ${length} for it`,
      name,
    )
  return { location, offset: count('offset') ?? 0, length }
}

/** The elements of a tensor that another file holds. */
const externalElements = (
  slice: ExternalSlice,
  name: string,
  type: ElementType,
  external: ReadExternal,
): { readonly read: () => ElementData[ElementType]; readonly storedAt?: StoredAt } => {
  const failed = (message: string): GraphFailure =>
    new GraphFailure(`the elements of tensor "${name}" cannot be read: ${message}`, name)
  const found = external(slice)
  if (E.isLeft(found)) throw failed(found.left.message)
  const bytes = (): ArrayBuffer => {
    try {
      return found.right.read()
    } catch (cause) {
      throw failed(reasonOf(cause))
    }
  }
  return {
    ...found.right,
    read: () => {
      const buffer = bytes()
      if (buffer.byteLength !== slice.length)
        throw new GraphFailure(
          `"${slice.location}" gave ${buffer.byteLength} of ${slice.length} bytes of tensor "${name}"`,
          name,
        )
      return new elementArrays[type](buffer)
    },
  }
}

/** The bytes or numbers that a tensor holds, as elements of a type. */
const storedElements = (
  proto: TensorProto,
  name: string,
  type: ElementType,
  dims: ReadonlyArray<number>,
  external: ReadExternal,
): Tensor => {
  const count = size(dims)
  // The array is made for this element type, which the compiler cannot follow through the table.
  const tensor = (data: ElementData[ElementType]): Tensor => ({ type, dims, data }) as Tensor
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL || proto.externalData.length > 0) {
    const slice = externalSlice(proto, name, count * elementBytes[type])
    const elements = externalElements(slice, name, type, external)
    return slice.length <= smallBytes
      ? tensor(elements.read())
      : deferred(type, dims, elements.read, elements.storedAt)
  }
  const raw = proto.rawData.length > 0
  const found = raw ? proto.rawData.length / elementBytes[type] : typedField(proto, type).length
  if (found !== count) {
    throw new GraphFailure(
      `tensor "${name}" of shape [${dims.join(', ')}] needs ${count} elements, but the file has ${found}`,
      name,
    )
  }
  const data: ElementData[ElementType] = new elementArrays[type](count)
  if (raw) new Uint8Array(data.buffer).set(proto.rawData)
  else {
    const target: Record<number, number | bigint> = data
    typedField(proto, type).forEach((x, i) => {
      // uint32 shares its field with uint64, so its elements arrive as bigints.
      target[i] = type === 'uint32' ? Number(x) : x
    })
  }
  return tensor(data)
}

/** What tensors of 4-bit integers are read as. */
const fourBitTypes: ReadonlyMap<number, 'int8' | 'uint8'> = new Map([
  [TensorProto_DataType.INT4, 'int8'],
  [TensorProto_DataType.UINT4, 'uint8'],
])

/**
 * A tensor of a file. 4-bit integers are read as 8-bit ones.
 *
 * @param external finds what is stored beside the model, which is read once it is needed; refused where it is left out
 * @throws GraphFailure where its type is not one of ours, its elements cannot be had, or there are too many or too few
 *
 * @example
 * const same = file.decodeTensor(file.encodeTensor(float32([2], [1, 2]), 'w'))
 */
export const decodeTensor = (
  proto: TensorProto,
  name = proto.name,
  external: ReadExternal = nothingExternal,
): Tensor => {
  const dims = decodeDims(proto.dims, name)
  const halved = fourBitTypes.get(proto.dataType)
  if (halved !== undefined) {
    const count = size(dims)
    const packed = storedElements(proto, name, 'uint8', [Math.ceil(count / 2)], external)
    return deferred(halved, dims, () => {
      const { buffer, byteOffset, byteLength } = packed.data
      return fourBits(new Uint8Array(buffer, byteOffset, byteLength), count, halved)
    })
  }
  const type = elementTypeOf(proto.dataType)
  if (type === undefined)
    throw new GraphFailure(
      `tensor "${name}" holds ${showDataType(proto.dataType)}, which is not supported; floats of 16 bits or more, whole numbers and booleans are`,
      name,
    )
  return storedElements(proto, name, type, dims, external)
}
