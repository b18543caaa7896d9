import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, parse, relative, sep } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { decode, type file, type Graph } from '../onnx/index.js'
import { type ErrorOf, reasonOf } from '../types/index.js'

type GraphError = ErrorOf<'GraphError'>

const graphError = (path: string, message: string): GraphError => ({
  _tag: 'GraphError',
  message: `${path}: ${message}`,
})

/** ONNX allows forward slashes only, and no way out of the folder; drives and backslashes are ways out on some systems. */
const leavesFolder = (location: string): boolean =>
  isAbsolute(location) || /[\\:\0]/.test(location) || location.split('/').includes('..')

const isInside = (folder: string, path: string): boolean => {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/**
 * Finds tensors that are stored beside a model. What is read is the bytes of one tensor, straight from the disk into the buffer that it keeps,
 * when somebody needs them; sessions map them into memory without that.
 *
 * Files outside the folder are refused, also where a link leads there, and so are bytes beyond the end of a file: what a model says of its tensors may be anything.
 *
 * @param folder where the model is
 * @example
 * const external = externalIn('models/unet')
 */
export const externalIn =
  (folder: string): file.ReadExternal =>
  ({ location, offset, length }) => {
    if (leavesFolder(location))
      return E.left(graphError(folder, `"${location}" would be outside the model's folder`))
    return E.tryCatch(
      () => {
        const path = realpathSync(join(folder, location))
        if (!isInside(realpathSync(folder), path))
          throw new Error(`"${location}" is a link out of the model's folder`)
        const stat = statSync(path)
        if (!stat.isFile()) throw new Error(`"${location}" is not a file`)
        if (offset + length > stat.size)
          throw new Error(
            `"${location}" has ${stat.size} bytes, too few for ${length} from byte ${offset} on; it is cut off, or of another model`,
          )
        const { root } = parse(path)
        return {
          read: () => bytesAt(path, offset, length),
          storedAt: { root, location: relative(root, path).split(sep).join('/'), offset },
        }
      },
      (cause) => graphError(folder, reasonOf(cause)),
    )
  }

/** One read takes at most 2 GiB − 1 bytes on some systems. */
const longestRead = 2 ** 30

const bytesAt = (path: string, offset: number, length: number): ArrayBuffer => {
  const handle = openSync(path, 'r')
  try {
    const into = new Uint8Array(length)
    let done = 0
    while (done < length) {
      const read = readSync(handle, into, done, Math.min(length - done, longestRead), offset + done)
      if (read === 0) throw new Error(`${path} became shorter since it was opened`)
      done += read
    }
    return into.buffer
  } finally {
    closeSync(handle)
  }
}

/**
 * A model from an ONNX file, with the tensors that are stored beside it.
 *
 * @param dims numbers for symbolic dimensions, for models whose structure depends on them
 * @returns Left `GraphError` where there is no such file, it is damaged, or it uses what is not supported
 * @example
 * const graph = readModelFile('models/unet/model.onnx', { batch: 4 })
 */
export const readModelFile = (
  path: string,
  dims: Readonly<Record<string, number>> = {},
): TE.TaskEither<GraphError, Graph> =>
  pipe(
    TE.tryCatch(
      () => readFile(path),
      (cause) => graphError(path, reasonOf(cause)),
    ),
    TE.chainEitherK((bytes) =>
      pipe(
        decode(bytes, { dims, external: externalIn(dirname(path)) }),
        E.mapLeft((error) => ({ ...error, message: `${path}: ${error.message}` })),
      ),
    ),
  )
