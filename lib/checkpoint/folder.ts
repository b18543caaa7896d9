import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, onDisk, orIfMissing } from './disk.js'
import { type Pieces, writePieces } from './slices.js'

/**
 * The name of the folder of a checkpoint.
 *
 * @example
 * const name = checkpointName(500) // 'checkpoint-000500'
 */
export const checkpointName = (step: number): string => `checkpoint-${String(step).padStart(6, '0')}`

/**
 * The step that a checkpoint is of, by the name of its folder; undefined where it is no checkpoint's.
 *
 * @param path of the folder, or its name
 * @example
 * const step = stepOf('runs/a/checkpoint-000500') // 500
 */
export const stepOf = (path: string): number | undefined => {
  const digits = /^checkpoint-(\d+)$/.exec(basename(path))?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Asks the disk to keep what was written. Folders cannot be opened for that on every system; there the rename has to do. */
const flush = async (path: string): Promise<void> => {
  try {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && (cause.code === 'EPERM' || cause.code === 'EISDIR')))
      throw cause
  }
}

/** Writes a file and asks the disk to keep it; gives its SHA-256. */
const writeDurably = async (path: string, pieces: Pieces): Promise<string> => {
  const handle = await open(path, 'w')
  try {
    const digest = await writePieces(handle, pieces)
    await handle.sync()
    return digest
  } finally {
    await handle.close()
  }
}

/** Hidden names of folders that are being written or deleted. */
const passing = (parent: string, name: string, what: 'writing' | 'deleting'): string =>
  join(parent, `.${name}.${what}`)

/** Removes a folder so that nobody ever sees half of it under its name. */
const removeWhole = async (parent: string, name: string): Promise<void> => {
  const hidden = passing(parent, name, 'deleting')
  await rm(hidden, { recursive: true, force: true })
  await rename(join(parent, name), hidden)
  await rm(hidden, { recursive: true, force: true })
}

const exists = async (parent: string, name: string): Promise<boolean> =>
  (await readdir(parent)).includes(name)

/**
 * Writes a folder of files as one: under another name first, synced to the disk, then renamed. A crash leaves the old folder,
 * or the new one, and never a part; a failure, such as that of a full disk, leaves nothing of the new one. A folder of this name is
 * replaced.
 *
 * @param parent is made if it does not exist
 * @param last a file that is written after the others, and may speak of them: it is given the SHA-256 of each in hexadecimal
 * @returns the path of the folder
 * @example
 * const saved = writeFolder('runs/a', 'checkpoint-000500', { data: [Uint8Array.of(1)] }, 'state.json', (digests) => JSON.stringify(digests))
 */
export const writeFolder = (
  parent: string,
  name: string,
  files: Readonly<Record<string, Pieces>>,
  last: string,
  textOf: (digests: Readonly<Record<string, string>>) => string,
): TE.TaskEither<CheckpointError, string> => {
  const path = join(parent, name)
  return onDisk(path, async () => {
    const hidden = passing(parent, name, 'writing')
    // What a run that crashed here left behind.
    await rm(hidden, { recursive: true, force: true })
    try {
      await mkdir(hidden, { recursive: true })
      const digests: Array<readonly [string, string]> = []
      for (const [file, pieces] of Object.entries(files))
        digests.push([file, await writeDurably(join(hidden, file), pieces)])
      await writeDurably(join(hidden, last), [new TextEncoder().encode(textOf(Object.fromEntries(digests)))])
      await flush(hidden)
      if (await exists(parent, name)) await removeWhole(parent, name)
      await rename(hidden, path)
    } catch (cause) {
      // Room for those who come after. That this may fail too is not the failure to report.
      await rm(hidden, { recursive: true, force: true }).catch(() => undefined)
      throw cause
    }
    await flush(parent)
    return path
  })
}

/**
 * The checkpoints of a run folder, oldest first; none where there is no such folder.
 *
 * @example
 * const paths = checkpoints('runs/a')
 */
export const checkpoints = (outputDir: string): TE.TaskEither<CheckpointError, ReadonlyArray<string>> =>
  onDisk(outputDir, async () => {
    const names = await orIfMissing(readdir(outputDir), [])
    return names
      .flatMap((name) => {
        const step = stepOf(name)
        return step === undefined ? [] : [{ step, path: join(outputDir, name) }]
      })
      .sort((a, b) => a.step - b.step)
      .map(({ path }) => path)
  })

/**
 * Deletes the oldest checkpoints of a run folder until `count` are left.
 *
 * @param count at least 1
 * @example
 * const kept = keepNewest('runs/a', 5)
 */
export const keepNewest = (outputDir: string, count: number): TE.TaskEither<CheckpointError, void> =>
  TE.Monad.chain(checkpoints(outputDir), (paths) =>
    onDisk(outputDir, async () => {
      for (const path of paths.slice(0, Math.max(0, paths.length - Math.max(1, count))))
        await removeWhole(outputDir, basename(path))
    }),
  )
