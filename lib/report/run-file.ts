import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as J from 'fp-ts/lib/Json.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, checkpointError, onDisk, orIfMissing } from '../checkpoint/index.js'

/**
 * The text of a file, or undefined where there is none.
 *
 * @example
 * const text = readText('runs/a/config.json')
 */
export const readText = (path: string): TE.TaskEither<CheckpointError, string | undefined> =>
  onDisk(path, () => orIfMissing(readFile(path, 'utf8'), undefined))

/**
 * What the text of a JSON file says.
 *
 * @returns Left: what is wrong with it
 * @example
 * const anything = fromJson(E.right)('[1, 2]')
 */
export const fromJson =
  <A>(decode: (json: unknown) => E.Either<string, A>) =>
  (text: string): E.Either<string, A> =>
    pipe(
      J.parse(text),
      E.mapLeft(() => 'not JSON'),
      E.chain(decode),
    )

/**
 * What a file says, or undefined where there is none.
 *
 * @returns Left where it cannot be read or understood
 * @example
 * const facts = readIfAny('runs/a/dataset.json', decodeDatasetFacts)
 */
export const readIfAny = <A>(
  path: string,
  decode: (text: string) => E.Either<string, A>,
): TE.TaskEither<CheckpointError, A | undefined> =>
  pipe(
    readText(path),
    TE.chainEitherK((text) =>
      text === undefined
        ? E.right(undefined)
        : pipe(
            decode(text),
            E.mapLeft((message) => checkpointError(path, message)),
          ),
    ),
  )

/**
 * Writes a file of a run folder so that readers see the old one or the new one, never a part. Folders are made as needed.
 *
 * @example
 * const written = writeRunFile('runs/a', 'config.json', '{}')
 */
export const writeRunFile = (
  outputDir: string,
  name: string,
  content: string | Uint8Array,
): TE.TaskEither<CheckpointError, string> => {
  const path = join(outputDir, name)
  const hidden = join(dirname(path), `.${basename(path)}.writing`)
  return onDisk(path, async () => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(hidden, content)
    await rename(hidden, path)
    return path
  })
}
