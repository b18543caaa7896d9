import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, onDisk, orIfMissing } from '../checkpoint/index.js'

/**
 * The text of a file, or undefined where there is none.
 *
 * @example
 * const text = readText('runs/a/config.json')
 */
export const readText = (path: string): TE.TaskEither<CheckpointError, string | undefined> =>
  onDisk(path, () => orIfMissing(readFile(path, 'utf8'), undefined))

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
