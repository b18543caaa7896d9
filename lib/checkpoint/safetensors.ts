import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { elementBytes, type ElementType, type Tensor } from '../types/index.js'
import { decodeSafetensorsHeader, dtypes } from './safetensors-header.js'

/** The tensors of a safetensors file by name, and the text that it carries beside them. */
export type Safetensors = {
  readonly tensors: Readonly<Record<string, Tensor>>
  readonly metadata: Readonly<Record<string, string>>
}

const bytesOf = ({ data }: Tensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/**
 * A safetensors file (https://github.com/huggingface/safetensors) as the pieces that it is made of, one after the other: the length of
 * the header as a little-endian uint64, the header as JSON padded with spaces to a multiple of 8, then the data of all tensors,
 * little-endian, without gaps. Nothing is copied: the pieces are the tensors' own memory.
 *
 * Tensors are laid out by falling element size and then by name, so that all are aligned and equal contents give equal files.
 *
 * @example
 * const [header, weight] = safetensorsPieces({ weight: float32([2], [1, 2]) }, { format: 'pt' })
 */
export const safetensorsPieces = (
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): ReadonlyArray<Uint8Array> => {
  const entries = Object.entries(tensors).sort(
    ([a, x], [b, y]) => elementBytes[y.type] - elementBytes[x.type] || (a < b ? -1 : 1),
  )
  let end = 0
  const described = entries.map(([name, tensor]) => {
    const start = end
    end += tensor.data.byteLength
    return [name, { dtype: dtypes[tensor.type], shape: tensor.dims, data_offsets: [start, end] }] as const
  })
  const text = new TextEncoder().encode(
    JSON.stringify({
      ...(Object.keys(metadata).length === 0 ? {} : { __metadata__: metadata }),
      ...Object.fromEntries(described),
    }),
  )
  const padded = Math.ceil(text.length / 8) * 8
  const header = new Uint8Array(8 + padded).fill(0x20, 8)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(text, 8)
  return [header, ...entries.map(([, tensor]) => bytesOf(tensor))]
}

/**
 * A safetensors file; see `safetensorsPieces`.
 *
 * @example
 * const file = encodeSafetensors({ weight: float32([2], [1, 2]) }, { format: 'pt' })
 */
export const encodeSafetensors = (
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array => {
  const pieces = safetensorsPieces(tensors, metadata)
  const file = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    file.set(piece, at)
    at += piece.length
  }
  return file
}

/**
 * A tensor over existing bytes, as they lie in a file.
 *
 * @param bytes row-major, little-endian: as many as the dimensions need
 * @example
 * const two = tensorOfBytes('float32', [2], new ArrayBuffer(8))
 */
export const tensorOfBytes = (type: ElementType, dims: ReadonlyArray<number>, bytes: ArrayBuffer): Tensor => {
  switch (type) {
    case 'float32':
      return { type, dims, data: new Float32Array(bytes) }
    case 'float64':
      return { type, dims, data: new Float64Array(bytes) }
    case 'float16':
    case 'bfloat16':
    case 'uint16':
      return { type, dims, data: new Uint16Array(bytes) }
    case 'int64':
      return { type, dims, data: new BigInt64Array(bytes) }
    case 'uint64':
      return { type, dims, data: new BigUint64Array(bytes) }
    case 'int32':
      return { type, dims, data: new Int32Array(bytes) }
    case 'uint32':
      return { type, dims, data: new Uint32Array(bytes) }
    case 'int16':
      return { type, dims, data: new Int16Array(bytes) }
    case 'int8':
      return { type, dims, data: new Int8Array(bytes) }
    case 'uint8':
    case 'bool':
      return { type, dims, data: new Uint8Array(bytes) }
  }
}

/**
 * Reads a safetensors file. Everything is checked: header, types, shapes, offsets, and that the data is exactly covered.
 *
 * @returns Left: what is wrong with the file, as the end of the sentence "<path>: …"
 * @example
 * const read = decodeSafetensors(encodeSafetensors({ weight: float32([2], [1, 2]) }))
 */
export const decodeSafetensors = (file: Uint8Array): E.Either<string, Safetensors> =>
  pipe(
    decodeSafetensorsHeader(file, file.length),
    E.map(({ entries, metadata }) => ({
      tensors: Object.fromEntries(
        Object.entries(entries).map(([name, { type, dims, start, end }]) => [
          name,
          // Copied by the constructor (a Buffer's own slice would not): typed arrays need alignment.
          tensorOfBytes(type, dims, new Uint8Array(file.subarray(start, end)).buffer),
        ]),
      ),
      metadata,
    })),
  )
