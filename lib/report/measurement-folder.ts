import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, onDisk } from '../checkpoint/index.js'
import { decodeMeasurement, encodeMeasurement, type MeasurementFile } from './measurement-file.js'
import type { DrawnStrip } from './measurement-section.js'
import type { Report } from './page.js'
import { readIfAny, writeRunFile } from './run-file.js'

/**
 * What was measured of a run, with its pictures; nothing where nobody asked.
 *
 * @example
 * const measured = readMeasurement('runs/a')
 */
export const readMeasurement = (
  outputDir: string,
): TE.TaskEither<CheckpointError, Pick<Report, 'measurement' | 'strips'>> => {
  return pipe(
    readIfAny(join(outputDir, 'measure.json'), decodeMeasurement),
    TE.chain((file) => {
      if (file === undefined) return TE.right({})
      const folder = join(outputDir, 'measure')
      return pipe(
        onDisk(folder, () =>
          Promise.all(
            file.strips.map(async (strip) => ({
              ...strip,
              png: await readFile(join(folder, basename(strip.file))),
            })),
          ),
        ),
        TE.map((strips) => ({ measurement: file, strips })),
      )
    }),
  )
}

/**
 * Writes measure.json and its pictures, in place of earlier ones.
 *
 * @example
 * declare const measurement: Measurement
 * const written = writeMeasurement('runs/a', { ...measurement, step: 500 }, [])
 */
export const writeMeasurement = (
  outputDir: string,
  measurement: Omit<MeasurementFile, 'strips'>,
  strips: ReadonlyArray<DrawnStrip>,
): TE.TaskEither<CheckpointError, string> =>
  pipe(
    onDisk(join(outputDir, 'measure'), () =>
      rm(join(outputDir, 'measure'), { recursive: true, force: true }),
    ),
    TE.chain(() =>
      TE.sequenceSeqArray(strips.map(({ file, png }) => writeRunFile(outputDir, join('measure', file), png))),
    ),
    TE.chain(() =>
      writeRunFile(
        outputDir,
        'measure.json',
        encodeMeasurement({
          ...measurement,
          strips: strips.map(({ file, caption }) => ({ file, caption })),
        }),
      ),
    ),
  )
