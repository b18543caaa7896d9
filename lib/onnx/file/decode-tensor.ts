import { elementArrays, size, type ElementData, type ElementType, type Tensor } from '../../types/index.js'
import { elementTypeOf, showDataType } from './data-type.js'
import { GraphFailure } from '../graph-failure.js'
import { TensorProto_DataLocation, type TensorProto } from '../proto/onnx_pb.js'

/** Bits of one element, for types that are stored as whole bytes: all of ours. */
const widths: { readonly [E in ElementType]: number } = {
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

/**
 * A tensor of a file.
 *
 * @throws GraphFailure where its type is not one of ours, its elements are elsewhere, or there are too many or too few
 *
 * @example
 * const same = file.decodeTensor(file.encodeTensor(float32([2], [1, 2]), 'w'))
 */
export const decodeTensor = (proto: TensorProto, name = proto.name): Tensor => {
  const type = elementTypeOf(proto.dataType)
  if (type === undefined) {
    throw new GraphFailure(
      `tensor "${name}" holds ${showDataType(proto.dataType)}, which is not supported`,
      name,
    )
  }
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL || proto.externalData.length > 0) {
    throw new GraphFailure(
      `the elements of tensor "${name}" are in another file; save the model as a single file (external data off)`,
      name,
    )
  }
  const dims = decodeDims(proto.dims, name)
  const count = size(dims)
  const raw = proto.rawData.length > 0
  const found = raw ? proto.rawData.length / widths[type] : typedField(proto, type).length
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
  // The array was made for this element type, which the compiler cannot follow through the table.
  return { type, dims, data } as Tensor
}
