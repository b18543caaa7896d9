import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as J from 'fp-ts/lib/Json.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { codeOf, onDisk, orIfMissing } from '../checkpoint/index.js'
import { configError, type ConfigError } from '../config/index.js'
import type { DerivaError } from '../types/index.js'

/** .lock of a run folder: the process that trains there. */
const Holder = t.strict({
  pid: t.refinement(t.number, (pid) => Number.isSafeInteger(pid) && pid > 0, 'the number of a process'),
  host: t.string,
  /** When that process began: in a container the next one may well have the same number. */
  began: t.string,
})
type Holder = t.TypeOf<typeof Holder>

const self: Holder = {
  pid: process.pid,
  host: hostname(),
  began: new Date(performance.timeOrigin).toISOString(),
}
const own = `${JSON.stringify(self)}\n`

const lockOf = (outputDir: string): string => join(outputDir, '.lock')

const textOf = (path: string): Promise<string | undefined> => orIfMissing(readFile(path, 'utf8'), undefined)

const holderOf = (text: string): E.Either<unknown, Holder> =>
  pipe(
    J.parse(text),
    E.chainW((json) => Holder.decode(json)),
  )

const isRunning = (pid: number): boolean => {
  try {
    // 0 is no signal: only whether one could be sent.
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // It is there, and somebody else's.
    return codeOf(cause) === 'EPERM'
  }
}

/** Whether the process that wrote this is known to have ended; of another machine, or of half a file, nobody can know. */
const isOver = (text: string): boolean =>
  pipe(
    holderOf(text),
    E.match(
      () => false,
      ({ pid, host, began }) =>
        host === self.host && (pid === self.pid ? began !== self.began : !isRunning(pid)),
    ),
  )

const refusal = (outputDir: string, text: string): ConfigError =>
  configError([
    {
      key: 'output_dir',
      value: outputDir,
      allowed: `a folder that nobody else trains in: ${pipe(
        holderOf(text),
        E.match(
          () => 'somebody does',
          ({ pid, host }) => `process ${pid} on ${host} does`,
        ),
      )}, says ${lockOf(outputDir)}. Where that is no longer so, delete that file`,
    },
  ])

/**
 * Sees to it that no process trains in a folder.
 *
 * @returns Left `ConfigError` that names the process which does
 * @example
 * const free = unheld('runs/a')
 */
export const unheld = (outputDir: string): TE.TaskEither<DerivaError, void> =>
  pipe(
    onDisk(outputDir, () => textOf(lockOf(outputDir))),
    TE.chainEitherKW((text) =>
      text === undefined || isOver(text) ? E.right(undefined) : E.left(refusal(outputDir, text)),
    ),
  )

/** Takes the lock; where another process has it, gives what that one wrote. */
const taken = async (path: string): Promise<string | undefined> => {
  const before = await textOf(path)
  if (before !== undefined) {
    if (!isOver(before)) return before
    // Only one can move a file; what was moved may already be the lock of somebody who was quicker.
    const aside = `${path}.${self.pid}`
    await orIfMissing(rename(path, aside), undefined)
    const moved = await textOf(aside)
    if (moved !== undefined && moved !== before) {
      await rename(aside, path)
      return moved
    }
    await rm(aside, { force: true })
  }
  try {
    await writeFile(path, own, { flag: 'wx' })
    return undefined
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return (await textOf(path)) ?? ''
    // A full disk takes the file, and not what is in it.
    await rm(path, { force: true })
    throw cause
  }
}

/**
 * Work in a run folder that no other process does at the same time: a file `.lock` there says who is at it, and goes when the work is done.
 * One that a process left which has ended counts for nothing.
 *
 * @param outputDir is made if it does not exist
 * @returns Left `ConfigError` where another process trains there, and the work is not begun
 * @example
 * declare const work: TE.TaskEither<DerivaError, ExitCode>
 * const alone = holding('runs/a')(work)
 */
export const holding =
  (outputDir: string) =>
  <A>(work: TE.TaskEither<DerivaError, A>): TE.TaskEither<DerivaError, A> => {
    const path = lockOf(outputDir)
    return TE.bracket(
      pipe(
        onDisk<string | undefined>(path, async () => {
          await mkdir(outputDir, { recursive: true })
          return await taken(path)
        }),
        TE.chainEitherKW((other) =>
          other === undefined ? E.right(undefined) : E.left<DerivaError>(refusal(outputDir, other)),
        ),
      ),
      () => work,
      () =>
        // That a lock stays is no failure of the work: its process will have ended.
        TE.fromTask(async () => {
          if ((await textOf(path).catch(() => undefined)) === own) await rm(path, { force: true })
        }),
    )
  }
