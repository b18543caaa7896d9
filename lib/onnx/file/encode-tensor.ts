import { create } from '@bufbuild/protobuf'
import type { Tensor } from '../../types/index.js'
import { dataTypes } from './data-type.js'
import type { ExternalSlice } from './decode-tensor.js'
import {
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  TensorProto_DataLocation,
  type TensorProto,
} from '../proto/onnx_pb.js'

/**
 * The bytes of a tensor: little-endian, as in files, because every machine Node runs on is.
 *
 * @example
 * const bytes = file.bytesOf(float32([2], [1, 2])) // 8 of them
 */
export const bytesOf = ({ data }: Tensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/**
 * What a file says of a tensor, without its elements.
 *
 * @example
 * const proto = file.describeTensor(float32([2], [1, 2]), 'w')
 */
export const describeTensor = ({ type, dims }: Tensor, name = ''): TensorProto =>
  create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: dataTypes[type] })

/**
 * A tensor as it stands in a file: raw bytes under a name.
 *
 * @example
 * const proto = file.encodeTensor(float32([2], [1, 2]), 'w')
 */
export const encodeTensor = (tensor: Tensor, name = ''): TensorProto =>
  create(TensorProtoSchema, { ...describeTensor(tensor, name), rawData: bytesOf(tensor) })

/**
 * A tensor whose bytes are in another file.
 *
 * @example
 * const proto = file.encodeExternal(float32([2], [1, 2]), 'w', { location: 'model.onnx.data', offset: 0, length: 8 })
 */
export const encodeExternal = (tensor: Tensor, name: string, slice: ExternalSlice): TensorProto =>
  create(TensorProtoSchema, {
    ...describeTensor(tensor, name),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(slice).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value: String(value) }),
    ),
  })
