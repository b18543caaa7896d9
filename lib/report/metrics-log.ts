import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Metrics } from '../train/index.js'
import { jsonNumber } from './json-number.js'

const Measured = jsonNumber()

/** One line of metrics.jsonl. */
const Line: t.Type<Metrics, unknown> = t.strict({
  step: t.number,
  loss: Measured,
  terms: t.record(t.string, Measured),
  learningRate: Measured,
  gradientNorm: Measured,
  rolloutProbability: Measured,
  rolledOut: Measured,
  drift: Measured,
  evaluations: Measured,
  cleanEvaluations: Measured,
  rolloutSeconds: Measured,
  trainingSeconds: Measured,
})

/**
 * One step as a line of metrics.jsonl, its line break included.
 *
 * @example
 * declare const metrics: Metrics
 * const line = encodeMetrics(metrics)
 */
export const encodeMetrics = (metrics: Metrics): string => `${JSON.stringify(Line.encode(metrics))}\n`

const parse = (line: string): E.Either<string, Metrics> => {
  try {
    const decoded = Line.decode(JSON.parse(line))
    return E.isRight(decoded) ? decoded : E.left('a line that is not the metrics of a step')
  } catch {
    return E.left('a line that is not JSON')
  }
}

/**
 * Reads metrics.jsonl. A last line without its line break was cut off by a crash, and is left out.
 *
 * @returns Left: which line is wrong, and how
 * @example
 * const metrics = decodeMetrics('')
 */
export const decodeMetrics = (text: string): E.Either<string, ReadonlyArray<Metrics>> => {
  const lines = text.split('\n').slice(0, -1)
  const metrics: Array<Metrics> = []
  for (const [i, line] of lines.entries()) {
    const decoded = parse(line)
    if (E.isLeft(decoded)) return E.left(`line ${i + 1}: ${decoded.left}`)
    metrics.push(decoded.right)
  }
  return E.right(metrics)
}
