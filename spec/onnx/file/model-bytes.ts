import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as Type,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type GraphProtoSchema,
} from '../../../lib/onnx/proto/onnx_pb.js'

/** A file with one float input x, [batch, 4] unless told otherwise, and one output y. */
export const modelBytes = (
  graph: MessageInitShape<typeof GraphProtoSchema>,
  others: Omit<MessageInitShape<typeof ModelProtoSchema>, 'graph' | '$typeName'> = {},
): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: 17n }],
      ...others,
      graph: {
        name: 'g',
        input: [{ name: 'x', type: floats(['batch', 4]) }],
        output: [{ name: 'y', type: floats([]) }],
        ...graph,
      },
    }),
  )

/** The type of a float tensor. */
export const floats = (dims: ReadonlyArray<number | string>) => ({
  value: {
    case: 'tensorType' as const,
    value: {
      elemType: DataType.FLOAT,
      shape: {
        dim: dims.map((dim) =>
          typeof dim === 'number'
            ? { value: { case: 'dimValue' as const, value: BigInt(dim) } }
            : { value: { case: 'dimParam' as const, value: dim } },
        ),
      },
    },
  },
})

export const int = (name: string, i: number) => ({ name, type: Type.INT, i: BigInt(i) })
export const ints = (name: string, values: ReadonlyArray<number>) => ({
  name,
  type: Type.INTS,
  ints: values.map(BigInt),
})
export const float = (name: string, f: number) => ({ name, type: Type.FLOAT, f })
