import { toBinary } from '@bufbuild/protobuf'
import { byteLength } from '../../types/index.js'
import { smallBytes } from '../element.js'
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema, type TensorProto } from '../proto/onnx_pb.js'
import type { ExternalSlice } from './decode-tensor.js'
import type { Draft, Named } from './draft.js'
import { bytesOf, describeTensor, encodeExternal, encodeTensor } from './encode-tensor.js'

/** So many bytes of a file, made when they are wanted: one after the other they are written without ever being in memory together. */
export type Piece = { readonly length: number; readonly bytes: () => Uint8Array }

const piece = (bytes: Uint8Array): Piece => ({ length: bytes.length, bytes: () => bytes })

const lengthOf = (pieces: ReadonlyArray<Piece>): number => pieces.reduce((sum, { length }) => sum + length, 0)

/** An integer in groups of seven bits, lowest first, as protobuf writes it. */
const varint = (x: number): ReadonlyArray<number> =>
  x < 128 ? [x] : [(x % 128) + 128, ...varint(Math.floor(x / 128))]

/** A field of a protobuf message whose content has a length: its number and kind, the length, the content. */
const field = (number: number, content: ReadonlyArray<Piece>): ReadonlyArray<Piece> => [
  piece(Uint8Array.of(...varint(number * 8 + 2), ...varint(lengthOf(content)))),
  ...content,
]

const message = (proto: TensorProto): Piece => piece(toBinary(TensorProtoSchema, proto))

const tensorPieces = ({ tensor, name }: Named): ReadonlyArray<Piece> => {
  const length = byteLength(tensor)
  if (length <= smallBytes) return [message(encodeTensor(tensor, name))]
  const elements = { length, bytes: () => bytesOf(tensor) }
  return [message(describeTensor(tensor, name)), ...field(TensorProtoSchema.field.rawData.number, [elements])]
}

/**
 * The pieces of an ONNX file, in their order.
 *
 * @param elsewhere where the elements of a tensor are that this file does not hold; undefined for those it does
 * @example
 * const pieces = file.piecesOf(draft({ outputs: { y: relu(input('x', 'float32', [4])) }, parameters: 'inputs' }))
 */
export const piecesOf = (
  { tensors, model, graph }: Draft,
  elsewhere: (named: Named) => ExternalSlice | undefined = () => undefined,
): ReadonlyArray<Piece> => {
  const stored = tensors.flatMap((named) => {
    const slice = elsewhere(named)
    const content =
      slice === undefined ? tensorPieces(named) : [message(encodeExternal(named.tensor, named.name, slice))]
    return field(GraphProtoSchema.field.initializer.number, content)
  })
  const whole = [piece(toBinary(GraphProtoSchema, graph)), ...stored]
  return [piece(toBinary(ModelProtoSchema, model)), ...field(ModelProtoSchema.field.graph.number, whole)]
}

/**
 * Pieces as the bytes of a whole file.
 *
 * @example
 * const bytes = file.joined([{ length: 1, bytes: () => Uint8Array.of(7) }]) // 7
 */
export const joined = (pieces: ReadonlyArray<Piece>): Uint8Array => {
  const bytes = new Uint8Array(lengthOf(pieces))
  let end = 0
  for (const { bytes: made, length } of pieces) {
    bytes.set(made(), end)
    end += length
  }
  return bytes
}
