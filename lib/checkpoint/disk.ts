import * as TE from 'fp-ts/lib/TaskEither.js'
import { type ErrorOf, reasonOf } from '../types/index.js'

export type CheckpointError = ErrorOf<'CheckpointError'>

/**
 * A failure that has to do with this path.
 *
 * @example
 * const error = checkpointError('runs/a/checkpoint-000500', 'there is no such folder')
 */
export const checkpointError = (path: string, message: string): CheckpointError => ({
  _tag: 'CheckpointError',
  message: `${path}: ${message}`,
  path,
})

/**
 * Work on this path, whose rejection becomes a CheckpointError.
 *
 * @example
 * const answer = onDisk('runs/a', () => Promise.resolve(42))
 */
export const onDisk = <A>(path: string, effect: () => Promise<A>): TE.TaskEither<CheckpointError, A> =>
  TE.tryCatch(effect, (cause) => checkpointError(path, reasonOf(cause)))

/**
 * What the system calls a failure, such as `ENOENT`; undefined for failures of another kind.
 *
 * @example
 * const code = codeOf(new Error('mine')) // undefined
 */
export const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && 'code' in cause ? cause.code : undefined

/**
 * What stands in for a file or folder that does not exist; other failures stay failures.
 *
 * @example
 * const text = orIfMissing(Promise.resolve('text'), '')
 */
export const orIfMissing = <A, B>(effect: Promise<A>, substitute: B): Promise<A | B> =>
  effect.catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return substitute
    throw cause
  })
