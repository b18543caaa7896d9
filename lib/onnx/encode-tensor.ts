import { create } from '@bufbuild/protobuf'
import type { Tensor } from '../types/index.js'
import { dataTypes } from './data-type.js'
import { TensorProtoSchema, type TensorProto } from './proto/onnx_pb.js'

/** The bytes of a tensor: little-endian, as in files, because every machine Node runs on is. */
export const bytesOf = ({ data }: Tensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

export const encodeTensor = (tensor: Tensor, name = ''): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: tensor.dims.map(BigInt),
    dataType: dataTypes[tensor.type],
    rawData: bytesOf(tensor),
  })
