import { appendFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Config, decodeConfig } from '../config/index.js'
import type { Metrics } from '../train/index.js'
import type { ErrorOf } from '../types/index.js'
import { decodeMetrics, encodeMetrics } from './metrics-log.js'
import { reportPage } from './page.js'

type RunError = ErrorOf<'CheckpointError'>

const runError = (path: string, message: string): RunError => ({
  _tag: 'CheckpointError',
  message: `${path}: ${message}`,
  path,
})

const onDisk = <A>(path: string, effect: () => Promise<A>): TE.TaskEither<RunError, A> =>
  TE.tryCatch(effect, (cause) => runError(path, cause instanceof Error ? cause.message : String(cause)))

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'

/** The text of a file, or undefined where there is none. */
const readText = (path: string): TE.TaskEither<RunError, string | undefined> =>
  onDisk(path, () =>
    readFile(path, 'utf8').catch((cause: unknown) => {
      if (isMissing(cause)) return undefined
      throw cause
    }),
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
): TE.TaskEither<RunError, string> => {
  const path = join(outputDir, name)
  const hidden = join(dirname(path), `.${basename(path)}.writing`)
  return onDisk(path, async () => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(hidden, content)
    await rename(hidden, path)
    return path
  })
}

const gridName = (step: number): string => `step-${String(step).padStart(6, '0')}.png`

/**
 * Writes a sample grid as samples/step-<step>.png.
 *
 * @param png the bytes of the file
 * @example
 * const written = writeGrid('runs/a', 500, encodePng({ width: 1, height: 1, rgba: new Uint8Array(4) }))
 */
export const writeGrid = (
  outputDir: string,
  step: number,
  png: Uint8Array,
): TE.TaskEither<RunError, string> => writeRunFile(outputDir, join('samples', gridName(step)), png)

const metricsPath = (outputDir: string): string => join(outputDir, 'metrics.jsonl')

/**
 * Adds a step to metrics.jsonl.
 *
 * @example
 * declare const metrics: Metrics
 * const written = appendMetrics('runs/a', metrics)
 */
export const appendMetrics = (outputDir: string, metrics: Metrics): TE.TaskEither<RunError, void> =>
  onDisk(metricsPath(outputDir), () => appendFile(metricsPath(outputDir), encodeMetrics(metrics)))

/**
 * The steps in metrics.jsonl; none where there is no such file.
 *
 * @example
 * const metrics = readMetrics('runs/a')
 */
export const readMetrics = (outputDir: string): TE.TaskEither<RunError, ReadonlyArray<Metrics>> =>
  pipe(
    readText(metricsPath(outputDir)),
    TE.chainEitherK((text = '') =>
      pipe(
        decodeMetrics(text),
        E.mapLeft((message) => runError(metricsPath(outputDir), message)),
      ),
    ),
  )

/**
 * Goes back to a step: leaves out what metrics.jsonl says of later ones, and of a line that a crash cut off, so that a resumed
 * run writes every step once.
 *
 * @param step the last one to keep; 0 keeps none
 * @example
 * const kept = rewindMetrics('runs/a', 500)
 */
export const rewindMetrics = (outputDir: string, step: number): TE.TaskEither<RunError, string> =>
  pipe(
    readMetrics(outputDir),
    TE.map((all) => all.filter((metrics) => metrics.step <= step)),
    TE.chain((kept) => writeRunFile(outputDir, 'metrics.jsonl', kept.map(encodeMetrics).join(''))),
  )

/**
 * The resolved configuration that a run folder was made with.
 *
 * @returns Left where the folder has no config.json, or not one that this version understands
 * @example
 * const config = readRunConfig('runs/a')
 */
export const readRunConfig = (outputDir: string): TE.TaskEither<RunError, Config> => {
  const path = join(outputDir, 'config.json')
  return pipe(
    readText(path),
    TE.chainEitherK((text) =>
      text === undefined
        ? E.left(runError(outputDir, 'not a run folder: it has no config.json'))
        : E.tryCatch(
            (): unknown => JSON.parse(text),
            () => runError(path, 'not JSON'),
          ),
    ),
    TE.chainEitherK((json) =>
      pipe(
        decodeConfig(json),
        E.mapLeft(({ message }) => runError(path, `not a configuration of this version\n${message}`)),
      ),
    ),
  )
}

const readGrids = (outputDir: string) => {
  const folder = join(outputDir, 'samples')
  return onDisk(folder, async () => {
    const names = await readdir(folder).catch((cause: unknown) => {
      if (isMissing(cause)) return []
      throw cause
    })
    const grids = names.flatMap((name) => {
      const step = /^step-(\d+)\.png$/.exec(name)?.[1]
      return step === undefined ? [] : [{ step: Number(step), name }]
    })
    return Promise.all(
      grids
        .sort((a, b) => a.step - b.step)
        .map(async ({ step, name }) => ({ step, png: await readFile(join(folder, name)) })),
    )
  })
}

/**
 * Writes report.html from what the run folder holds.
 *
 * @returns the path of the report
 * @example
 * const path = writeReport('runs/a')
 */
export const writeReport = (outputDir: string): TE.TaskEither<RunError, string> =>
  pipe(
    TE.Do,
    TE.bind('config', () => readRunConfig(outputDir)),
    TE.bind('metrics', () => readMetrics(outputDir)),
    TE.bind('grids', () => readGrids(outputDir)),
    TE.chain((run) =>
      writeRunFile(outputDir, 'report.html', reportPage({ ...run, title: basename(outputDir) })),
    ),
  )
