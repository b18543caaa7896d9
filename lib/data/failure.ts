import * as TE from 'fp-ts/lib/TaskEither.js'
import { type ErrorOf, reasonOf } from '../types/index.js'

export type DataError = ErrorOf<'DataError'>

/**
 * What is wrong with a file of a dataset.
 *
 * @example
 * const error = dataFailure('latents.safetensors', 'cut off')
 */
export const dataFailure = (path: string, message: string): DataError => ({
  _tag: 'DataError',
  message: `${path}: ${message}`,
  path,
})

/**
 * Reads of a dataset's files: whatever goes wrong is a `DataError` of the file.
 *
 * @example
 * const bytes = onFile('labels', () => Promise.resolve(Uint8Array.of(7)))
 */
export const onFile = <A>(path: string, task: () => Promise<A>): TE.TaskEither<DataError, A> =>
  TE.tryCatch(task, (cause) => dataFailure(path, reasonOf(cause)))
