import { appendFile, readdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, checkpointError, onDisk, orIfMissing } from '../checkpoint/index.js'
import { type Config, decodeConfig } from '../config/index.js'
import type { Metrics } from '../train/index.js'
import { readDatasetFacts } from './dataset-file.js'
import { decodeMetrics, encodeMetrics } from './metrics-log.js'
import { readMeasurement } from './measurement-folder.js'
import type { Report } from './page.js'
import { fromJson, readIfAny, readText, writeRunFile } from './run-file.js'

// Here too, for those who want a run folder's files without the charts that the room's index brings along.
export { writeRunFile } from './run-file.js'

const gridName = (step: number): string => `step-${String(step).padStart(6, '0')}.png`

/**
 * Writes a sample grid as samples/step-<step>.png.
 *
 * @param png the bytes of the file
 * @example
 * declare const png: Uint8Array
 * const written = writeGrid('runs/a', 500, png)
 */
export const writeGrid = (
  outputDir: string,
  step: number,
  png: Uint8Array,
): TE.TaskEither<CheckpointError, string> => writeRunFile(outputDir, join('samples', gridName(step)), png)

/** Sample grids by step, oldest first. */
const listGrids = async (
  folder: string,
): Promise<ReadonlyArray<{ readonly step: number; readonly path: string }>> =>
  (await orIfMissing(readdir(folder), []))
    .flatMap((name) => {
      const step = /^step-(\d+)\.png$/.exec(name)?.[1]
      return step === undefined ? [] : [{ step: Number(step), path: join(folder, name) }]
    })
    .sort((a, b) => a.step - b.step)

/**
 * Goes back to a step: deletes the sample grids of later ones.
 *
 * @example
 * const kept = rewindGrids('runs/a', 500)
 */
export const rewindGrids = (outputDir: string, step: number): TE.TaskEither<CheckpointError, void> => {
  const folder = join(outputDir, 'samples')
  return onDisk(folder, async () => {
    for (const grid of await listGrids(folder)) if (grid.step > step) await rm(grid.path)
  })
}

const metricsPath = (outputDir: string): string => join(outputDir, 'metrics.jsonl')

/**
 * Adds a step to metrics.jsonl.
 *
 * @example
 * declare const metrics: Metrics
 * const written = appendMetrics('runs/a', metrics)
 */
export const appendMetrics = (outputDir: string, metrics: Metrics): TE.TaskEither<CheckpointError, void> =>
  onDisk(metricsPath(outputDir), () => appendFile(metricsPath(outputDir), encodeMetrics(metrics)))

/**
 * The steps in metrics.jsonl; none where there is no such file.
 *
 * @example
 * const metrics = readMetrics('runs/a')
 */
export const readMetrics = (outputDir: string): TE.TaskEither<CheckpointError, ReadonlyArray<Metrics>> =>
  pipe(
    readText(metricsPath(outputDir)),
    TE.chainEitherK((text = '') =>
      pipe(
        decodeMetrics(text),
        E.mapLeft((message) => checkpointError(metricsPath(outputDir), message)),
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
export const rewindMetrics = (outputDir: string, step: number): TE.TaskEither<CheckpointError, string> =>
  pipe(
    readMetrics(outputDir),
    TE.map((all) => all.filter((metrics) => metrics.step <= step)),
    TE.chain((kept) => writeRunFile(outputDir, 'metrics.jsonl', kept.map(encodeMetrics).join(''))),
  )

const configPath = (outputDir: string): string => join(outputDir, 'config.json')

const readConfigIfAny = (outputDir: string): TE.TaskEither<CheckpointError, Config | undefined> =>
  readIfAny(
    configPath(outputDir),
    fromJson((json) =>
      pipe(
        decodeConfig(json),
        E.mapLeft(({ message }) => `not a configuration of this version\n${message}`),
      ),
    ),
  )

/**
 * The resolved configuration that a run folder was made with.
 *
 * @returns Left where the folder has no config.json, or not one that this version understands
 * @example
 * const config = readRunConfig('runs/a')
 */
export const readRunConfig = (outputDir: string): TE.TaskEither<CheckpointError, Config> =>
  pipe(
    readConfigIfAny(outputDir),
    TE.filterOrElse(
      (config): config is Config => config !== undefined,
      () => checkpointError(outputDir, 'not the folder of a run: it has no config.json'),
    ),
  )

const readGrids = (outputDir: string): TE.TaskEither<CheckpointError, Report['grids']> => {
  const folder = join(outputDir, 'samples')
  return onDisk(folder, async () =>
    Promise.all(
      (await listGrids(folder)).map(async ({ step, path }) => ({ step, png: await readFile(path) })),
    ),
  )
}

/**
 * All that a run folder holds for its report; a folder that a program wrote may have no config.json.
 *
 * @example
 * const run = readReport('runs/a')
 */
export const readReport = (outputDir: string): TE.TaskEither<CheckpointError, Report> =>
  pipe(
    TE.Do,
    TE.bind('config', () => readConfigIfAny(outputDir)),
    TE.bind('dataset', () => readDatasetFacts(outputDir)),
    TE.bind('metrics', () => readMetrics(outputDir)),
    TE.bind('grids', () => readGrids(outputDir)),
    TE.bind('measured', () => readMeasurement(outputDir)),
    TE.map(({ measured, dataset, ...run }) => ({
      ...run,
      ...(dataset?.classNames === undefined ? {} : { classNames: dataset.classNames }),
      // What was measured of a longer run that this one has replaced tells nothing about it.
      ...((measured.measurement?.step ?? 0) > (run.metrics.at(-1)?.step ?? 0) ? {} : measured),
      title: basename(resolve(outputDir)),
    })),
  )

/**
 * Writes report.html from what the run folder holds.
 *
 * @returns the path of the report
 * @example
 * const path = writeReport('runs/a')
 */
export const writeReport = (outputDir: string): TE.TaskEither<CheckpointError, string> =>
  pipe(
    readReport(outputDir),
    TE.bindTo('run'),
    // Charts need much code, which those who only read or append do without.
    TE.bind('page', () => TE.fromTask(() => import('./page.js'))),
    TE.chain(({ page: { reportPage }, run }) => writeRunFile(outputDir, 'report.html', reportPage(run))),
  )

/** As much of the paths as it takes to tell them apart: their last words, or all of each. */
const namesOf = (folders: ReadonlyArray<string>): ReadonlyArray<string> => {
  const last = folders.map((folder) => basename(resolve(folder)))
  return new Set(last).size === last.length ? last : folders
}

/**
 * Writes a page that compares runs.
 *
 * @param out the path of the page
 * @returns the same path
 * @example
 * const path = writeComparison(['runs/a', 'runs/b'], 'compare.html')
 */
export const writeComparison = (
  folders: ReadonlyArray<string>,
  out: string,
): TE.TaskEither<CheckpointError, string> =>
  pipe(
    TE.sequenceSeqArray(folders.map(readReport)),
    TE.bindTo('runs'),
    TE.bind('comparison', () => TE.fromTask(() => import('./comparison.js'))),
    TE.chain(({ comparison: { comparisonPage }, runs }) => {
      const names = namesOf(folders)
      return writeRunFile(
        dirname(out),
        basename(out),
        comparisonPage(runs.map((run, i) => ({ ...run, title: names[i] }))),
      )
    }),
  )
