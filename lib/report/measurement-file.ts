import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { eachMeter, type Estimate, type MeasuredPoint, type Measurement } from '../measure/index.js'
import { jsonNumber } from './json-number.js'
import { fromJson } from './run-file.js'

/** Rows of small pictures along a trajectory, and where the run folder has them. */
export type Strip = {
  /** The file's name in the folder `measure`. */
  readonly file: string
  /** What it shows, for people. */
  readonly caption: string
}

/** What measure.json holds. */
export type MeasurementFile = Measurement & {
  /** How far the model was trained. */
  readonly step: number
  readonly strips: ReadonlyArray<Strip>
}

/** Six digits are more than any interval leaves. */
const Figure = jsonNumber((x) => Number(x.toPrecision(6)))

const EstimateCodec: t.Type<Estimate, unknown> = t.strict({ value: Figure, low: Figure, high: Figure })

const Point: t.Type<MeasuredPoint, unknown> = t.strict({
  timestep: t.number,
  sigma: t.number,
  meters: t.strict(eachMeter(() => EstimateCodec)),
  spectrum: t.readonlyArray(Figure),
})

const Course = t.strict({
  solver: t.string,
  steps: t.number,
  start: t.union([t.literal('noise'), t.number]),
  points: t.readonlyArray(Point),
})

const File: t.Type<MeasurementFile, unknown> = t.strict({
  step: t.number,
  samples: t.number,
  groups: t.number,
  seed: t.number,
  edges: t.readonlyArray(t.number),
  cut: t.number,
  courses: t.readonlyArray(Course),
  strips: t.readonlyArray(t.strict({ file: t.string, caption: t.string })),
})

/**
 * A measurement as the text of measure.json.
 *
 * @example
 * declare const measurement: Measurement
 * const text = encodeMeasurement({ ...measurement, step: 500, strips: [] })
 */
export const encodeMeasurement = (file: MeasurementFile): string => `${JSON.stringify(File.encode(file))}\n`

/**
 * Reads measure.json.
 *
 * @returns Left: what is wrong with it
 * @example
 * const file = decodeMeasurement('{}')
 */
export const decodeMeasurement: (text: string) => E.Either<string, MeasurementFile> = fromJson((json) =>
  pipe(
    File.decode(json),
    E.mapLeft(() => 'not a measurement of this version; measure the run again'),
  ),
)
