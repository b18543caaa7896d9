import { create } from '@bufbuild/protobuf'
import { byteLength } from '../../types/index.js'
import { isFloat, smallBytes } from '../element.js'
import { declaration } from './declarations.js'
import { draft, type Draft, type Encodable } from './draft.js'
import { bytesOf } from './encode-tensor.js'
import { joined, type Piece, piecesOf } from './pieces.js'
import { StringStringEntryProtoSchema } from '../proto/onnx_pb.js'

/** A draft with a word on which of the stored floats are weights and which are not, as their names do not tell. */
const declaring = (graph: Encodable): Draft => {
  const whole = draft(graph)
  const floats = whole.tensors.filter(({ tensor }) => isFloat(tensor.type))
  if (graph.parameters === 'inputs' || floats.length === 0) return whole
  const { key, value } = declaration(floats)
  return {
    ...whole,
    graph: { ...whole.graph, metadataProps: [create(StringStringEntryProtoSchema, { key, value })] },
  }
}

/**
 * An ONNX file of some outputs and all they depend on. Equal expressions are written once, `Identity` and markers not at all, and
 * inputs and weights keep their names. The file says what is a weight, and `decode` reads that.
 *
 * @throws GraphFailure where two different inputs or weights have one name, or an output has the name of one of them
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const bytes = encode({ outputs: { y: relu(x) }, parameters: 'initializers' })
 */
export const encode = (graph: Encodable): Uint8Array => joined(encodePieces(graph))

/**
 * `encode` in pieces, to be written one after the other: a model need not be in memory twice.
 *
 * @throws GraphFailure as `encode` does
 *
 * @example
 * const pieces = encodePieces({ outputs: { y: relu(input('x', 'float32', ['batch', 4])) }, parameters: 'initializers' })
 */
export const encodePieces = (graph: Encodable): ReadonlyArray<Piece> => piecesOf(declaring(graph))

/** A piece of a file that stands beside a model, from `offset` on; between them are zeros. */
export type SidePiece = Piece & { readonly offset: number }

/** Tensors beside a model start at multiples of a page of memory, so that the file can be mapped. */
const page = 4096

/**
 * An ONNX file whose large tensors stand in a second file beside it, as models need that are larger than the 2 GiB of one file.
 * The bytes are those of the tensors themselves, not copies: write them one after the other.
 *
 * @param location the name of the second file
 * @throws GraphFailure as `encode` does
 *
 * @example
 * const w = parameter('w', float32([64, 64], new Float32Array(4096)))
 * const graph = { outputs: { y: matMul(input('x', 'float32', ['batch', 64]), w) }, parameters: 'initializers' as const }
 * const { model, beside } = encodeBeside(graph, 'model.onnx.data')
 */
export const encodeBeside = (
  graph: Encodable,
  location: string,
): { readonly model: Uint8Array; readonly beside: ReadonlyArray<SidePiece> } => {
  const beside: SidePiece[] = []
  let end = 0
  const pieces = piecesOf(declaring(graph), ({ tensor }) => {
    const length = byteLength(tensor)
    if (length <= smallBytes) return undefined
    const offset = Math.ceil(end / page) * page
    end = offset + length
    beside.push({ offset, length, bytes: () => bytesOf(tensor) })
    return { location, offset, length }
  })
  return { model: joined(pieces), beside }
}
