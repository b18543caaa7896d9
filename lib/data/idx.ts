import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { type DataError, dataFailure } from './failure.js'

/** An IDX file of unsigned bytes, the format of MNIST: dimensions, and the bytes themselves (not copied). */
export type Idx = { readonly dims: ReadonlyArray<number>; readonly bytes: Uint8Array }

/** Two zero bytes, the element type (8 is unsigned byte), and the number of dimensions. */
const Magic = t.tuple([
  t.literal(0),
  t.literal(0),
  t.literal(8),
  t.union([t.literal(1), t.literal(2), t.literal(3)]),
])

/**
 * Reads an IDX file (http://yann.lecun.com/exdb/mnist): a magic number, big-endian dimensions, then one byte an element.
 *
 * @param path named in the error
 * @returns Left `DataError` where the header is not that of unsigned bytes in 1 to 3 dimensions, or the length does not fit it
 * @example
 * const labels = decodeIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 4), 'labels')
 */
export const decodeIdx = (file: Uint8Array, path: string): E.Either<DataError, Idx> => {
  const refuse = (message: string): DataError => dataFailure(path, message)
  return pipe(
    Magic.decode([...file.subarray(0, 4)]),
    E.mapLeft(() =>
      refuse(
        `not an IDX file of bytes: it starts with ${[...file.subarray(0, 4)].join(' ') || 'nothing'}, where 0 0 8 and the number of dimensions (1 to 3) should be`,
      ),
    ),
    E.chain(([, , , rank]) => {
      const header = 4 + 4 * rank
      if (file.length < header) return E.left(refuse(`cut off within its header, after ${file.length} bytes`))
      const view = new DataView(file.buffer, file.byteOffset, header)
      const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
      const elements = dims.reduce((a, b) => a * b, 1)
      return file.length === header + elements
        ? E.right({ dims, bytes: file.subarray(header) })
        : E.left(
            refuse(`${file.length} bytes long, where ${dims.join(' × ')} elements need ${header + elements}`),
          )
    }),
  )
}
