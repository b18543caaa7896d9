import { type FileHandle, open } from 'node:fs/promises'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { decodeSafetensorsHeader, type SafetensorsEntry, safetensorsHeaderEnd } from '../checkpoint/index.js'
import { asFloat32, isFloat, isInteger } from '../onnx/element.js'
import { int64, type Tensor } from '../types/index.js'
import { type DataError, dataFailure, onFile } from './failure.js'

/** A safetensors file whose arrays are read row by row: [rows, …] each, all alike in their rows. */
export type TensorFile = {
  readonly path: string
  readonly entries: Readonly<Record<string, SafetensorsEntry>>
  readonly metadata: Readonly<Record<string, string>>
}

/** Opened for the time of one read: an operating system has few open files to give, and opening one is cheap. */
const opened = <A>(path: string, read: (file: FileHandle) => Promise<A>): TE.TaskEither<DataError, A> =>
  onFile(path, async () => {
    const file = await open(path, 'r')
    try {
      return await read(file)
    } finally {
      await file.close()
    }
  })

const bytesAt = async (file: FileHandle, start: number, into: Uint8Array): Promise<void> => {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, start + done)
    if (bytesRead === 0)
      throw new Error(`it ends before byte ${start + into.length}: cut off since it was opened`)
    done += bytesRead
  }
}

/**
 * Opens a safetensors file: reads its header, and checks it against the length of the file.
 *
 * @returns Left `DataError` where there is no such file, or it is damaged
 * @example
 * const file = openTensorFile('latents.safetensors')
 */
export const openTensorFile = (path: string): TE.TaskEither<DataError, TensorFile> =>
  pipe(
    opened(path, async (file) => {
      const { size: length } = await file.stat()
      const start = new Uint8Array(Math.min(8, length))
      await bytesAt(file, 0, start)
      const end = safetensorsHeaderEnd(start, length)
      if (E.isLeft(end)) return end
      const header = new Uint8Array(end.right)
      await bytesAt(file, 0, header)
      return decodeSafetensorsHeader(header, length)
    }),
    TE.chainEitherK(
      E.bimap(
        (message) => dataFailure(path, message),
        (header) => ({ path, ...header }),
      ),
    ),
  )

/**
 * A tensor in one of the types that batches have: floats as float32, whole numbers as int64, booleans as they are.
 *
 * @example
 * const wide = batchTyped({ type: 'int32', dims: [1], data: Int32Array.of(7) }) // int64
 */
export const batchTyped = (tensor: Tensor): Tensor => {
  if (isFloat(tensor.type)) return asFloat32(tensor)
  if (!isInteger(tensor.type) || tensor.type === 'int64') return tensor
  return int64(tensor.dims, Array.from(tensor.data, Number))
}

/**
 * The bytes of one row of an array.
 *
 * @example
 * const bytes = rowBytes({ type: 'float32', dims: [2, 3], start: 0, end: 24 }) // 12
 */
export const rowBytes = ({ dims, start, end }: SafetensorsEntry): number =>
  (end - start) / Math.max(1, dims.at(0) ?? 1)

/** A row of a file, and the place it is wanted at. */
export type RowPlace = { readonly row: number; readonly to: number }

/**
 * Reads rows of some arrays, each to its place. Only their bytes are read.
 *
 * @param places of rows within the arrays
 * @param into bytes of [places, …] by the name of the array
 * @example
 * declare const file: TensorFile
 * const one = new Uint8Array(4 * 64)
 * const done = readRows(file, [{ row: 7, to: 0 }], { latents: one })
 */
export const readRows = (
  { path, entries }: TensorFile,
  places: ReadonlyArray<RowPlace>,
  into: Readonly<Record<string, Uint8Array>>,
): TE.TaskEither<DataError, void> =>
  opened(path, async (file) => {
    for (const [name, bytes] of Object.entries(into)) {
      const { start } = entries[name]
      const length = rowBytes(entries[name])
      for (let i = 0; i < places.length;) {
        const { row, to } = places[i]
        let count = 1
        // Neighbours are read together: rows in order take one call.
        while (places.at(i + count)?.row === row + count && places[i + count].to === to + count) count++
        await bytesAt(file, start + row * length, bytes.subarray(to * length, (to + count) * length))
        i += count
      }
    }
  })
