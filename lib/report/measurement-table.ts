import type { Estimate, MeasuredCourse, Measurement, Meter } from '../measure/index.js'
import { figures } from './page-parts.js'

/** A column of the summary of a measurement. */
export type Column = {
  readonly title: string
  readonly of: (course: MeasuredCourse) => Estimate | undefined
  readonly percent: boolean
}

/** At the end of the trajectory, where the model has made data. */
const atEnd =
  (meter: Meter): Column['of'] =>
  ({ points }) =>
    points.at(-1)?.meters[meter]

/** At the last latent that the model was asked about. */
const atLastEvaluation =
  (meter: Meter): Column['of'] =>
  ({ points }) =>
    points.at(-2)?.meters[meter]

/** One row per course: what it ends with. */
export const columns: ReadonlyArray<Column> = [
  { title: 'drift', of: atEnd('drift'), percent: true },
  { title: 'low', of: atEnd('drift_low'), percent: true },
  { title: 'high', of: atEnd('drift_high'), percent: true },
  { title: 'return error', of: atEnd('distance'), percent: false },
  { title: 'systematic', of: atEnd('systematic'), percent: true },
  { title: 'bias', of: atLastEvaluation('bias'), percent: true },
  { title: 'cosine', of: atLastEvaluation('cosine'), percent: false },
  { title: 'variance', of: atEnd('variance'), percent: true },
  { title: 'sharpness', of: atEnd('high_power'), percent: true },
]

/**
 * An estimate for people, as the value and half the width of its interval.
 *
 * @example
 * const [value, reach] = estimateText({ value: 0.5, low: 0.4, high: 0.6 }, true) // '50 %', '± 10'
 */
export const estimateText = (
  { value, low, high }: Estimate,
  percent: boolean,
): readonly [value: string, reach: string] => {
  if (!Number.isFinite(value)) return ['–', '']
  const scale = percent ? 100 : 1
  const reach = (scale * (high - low)) / 2
  return [
    `${figures(scale * value)}${percent ? ' %' : ''}`,
    Number.isFinite(reach) ? `± ${Number(reach.toPrecision(2))}` : '',
  ]
}

/**
 * Where a course starts, in words.
 *
 * @example
 * const words = startWords(500) // 'from t = 500'
 */
export const startWords = (start: MeasuredCourse['start']): string =>
  start === 'noise' ? 'from pure noise' : `from t = ${start}`

/**
 * A course in words.
 *
 * @example
 * const words = courseWords({ solver: 'unipc', steps: 20, start: 'noise' }) // 'unipc 20 from pure noise'
 */
export const courseWords = ({
  solver,
  steps,
  start,
}: Pick<MeasuredCourse, 'solver' | 'steps' | 'start'>): string => `${solver} ${steps} ${startWords(start)}`

/**
 * The rows of the summary of a measurement, as texts: a name, then one entry a column.
 *
 * @example
 * declare const measurement: Measurement
 * const rows = measurementRows(measurement)
 */
export const measurementRows = ({
  courses,
}: Measurement): ReadonlyArray<{
  readonly name: string
  readonly cells: ReadonlyArray<readonly [value: string, reach: string]>
}> =>
  courses.map((course) => ({
    name: courseWords(course),
    cells: columns.map(({ of, percent }) => {
      const estimate = of(course)
      return estimate === undefined ? ['–', ''] : estimateText(estimate, percent)
    }),
  }))
