import { create } from '@bufbuild/protobuf'
import { dataTypes } from './data-type.js'
import type { Typed } from '../definition.js'
import type { Dim } from '../dim.js'
import {
  TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
  type TensorShapeProto_Dimension,
  type ValueInfoProto,
} from '../proto/onnx_pb.js'

/**
 * The declaration of a graph's input or output.
 *
 * @example
 * const info = file.encodeValueInfo('x', { type: 'float32', shape: ['batch', 4] })
 */
export const encodeValueInfo = (name: string, { type, shape }: Typed): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: { elemType: dataTypes[type], shape: { dim: shape.map(dimension) } },
      },
    },
  })

/** Sums and products of symbols are left open: to a runtime `2*batch` would be a third symbol, unrelated to `batch`. */
const dimension = (dim: Dim): TensorShapeProto_Dimension =>
  create(TensorShapeProto_DimensionSchema, {
    value:
      typeof dim === 'number'
        ? { case: 'dimValue', value: BigInt(dim) }
        : /^[^?*+]+$/.test(dim)
          ? { case: 'dimParam', value: dim }
          : { case: undefined },
  })
