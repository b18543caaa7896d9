import type { Metrics } from '../train/index.js'

/** A run in a few numbers. */
export type Summary = {
  readonly steps: number
  /** The mean over the last steps: up to 100, and at most a tenth of the run. */
  readonly loss: number
  /** Optimizer steps a second, rollouts included. */
  readonly stepsPerSecond: number
  /** Seconds spent in steps. */
  readonly seconds: number
  /** The share of that time that rollouts took, 0 … 1. */
  readonly rolloutShare: number
  /** Sample evaluations spent on rollouts. */
  readonly evaluations: number
}

const total = (metrics: ReadonlyArray<Metrics>, of: (m: Metrics) => number): number =>
  metrics.reduce((sum, m) => sum + of(m), 0)

/**
 * The numbers of a run, or of any stretch of it.
 *
 * @param metrics one entry a step; at least one
 * @example
 * declare const metrics: ReadonlyArray<Metrics>
 * const { loss, stepsPerSecond } = summary(metrics)
 */
export const summary = (metrics: ReadonlyArray<Metrics>): Summary => {
  const last = metrics.slice(-Math.max(1, Math.min(100, Math.ceil(metrics.length / 10))))
  const rolling = total(metrics, (m) => m.rolloutSeconds)
  const seconds = rolling + total(metrics, (m) => m.trainingSeconds)
  return {
    steps: metrics.at(-1)?.step ?? 0,
    loss: total(last, (m) => m.loss) / last.length,
    stepsPerSecond: seconds > 0 ? metrics.length / seconds : 0,
    seconds,
    rolloutShare: seconds > 0 ? rolling / seconds : 0,
    evaluations: total(metrics, (m) => m.evaluations),
  }
}
