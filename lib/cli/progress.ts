import type { Metrics } from '../train/index.js'

/** What a person is told while training goes on. Times are in milliseconds, of any clock that only goes forward. */
export type Progress = {
  readonly step: number
  /** Steps in all. */
  readonly total: number
  /** Where this session started. */
  readonly from: number
  readonly now: number
  /** Moving averages; 0 before the first step. */
  readonly loss: number
  readonly secondsPerStep: number
  /** The share of the time in steps that rollouts take; 0 where there are none, or they are part of the step's graph. */
  readonly rolloutShare: number
  /** While a sample grid is drawn: how much of it there is, 0 … 1. */
  readonly drawn?: number
}

/** How many steps a moving average remembers. */
const memory = 50

/**
 * Before the first step.
 *
 * @example
 * const progress = started({ from: 0, total: 1000, now: 0 })
 */
export const started = ({
  from,
  total,
  now,
}: {
  readonly from: number
  readonly total: number
  readonly now: number
}): Progress => ({ step: from, from, total, now, loss: 0, secondsPerStep: 0, rolloutShare: 0 })

/**
 * After another step.
 *
 * @param now when it was done; the time since the last one counts whole, grids and checkpoints included
 * @example
 * declare const metrics: Metrics
 * const progress = advanced(started({ from: 0, total: 1000, now: 0 }), metrics, 160)
 */
export const advanced = (last: Progress, metrics: Metrics, now: number): Progress => {
  // The first steps weigh alike: an average over what there is, until there is enough to forget.
  const weight = 1 / Math.min(memory, last.step - last.from + 1)
  const mixed = (before: number, next: number): number =>
    Number.isFinite(next) ? before + weight * (next - before) : before
  const seconds = metrics.rolloutSeconds + metrics.trainingSeconds
  return {
    ...last,
    step: metrics.step,
    now,
    loss: mixed(last.loss, metrics.loss),
    secondsPerStep: mixed(last.secondsPerStep, (now - last.now) / 1000),
    rolloutShare: mixed(last.rolloutShare, seconds > 0 ? metrics.rolloutSeconds / seconds : 0),
  }
}

/**
 * A length of time for people: 42 s, 3 min 08 s, 2 h 05 min.
 *
 * @example
 * const text = durationText(188) // '3 min 08 s'
 */
export const durationText = (seconds: number): string => {
  const whole = Math.round(seconds)
  const two = (n: number): string => String(n).padStart(2, '0')
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}

const rateText = (perSecond: number): string =>
  perSecond >= 10 ? String(Math.round(perSecond)) : perSecond.toPrecision(2)

/**
 * Progress in one line: step, loss, speed, what rollouts take, and how long it will still take.
 *
 * @example
 * const line = progressText(started({ from: 0, total: 1000, now: 0 }))
 */
export const progressText = ({
  step,
  total,
  from,
  loss,
  secondsPerStep,
  rolloutShare,
  drawn,
}: Progress): string =>
  step === from
    ? `step ${step}/${total}`
    : [
        `step ${step}/${total}`,
        `loss ${loss.toPrecision(3)}`,
        ...(drawn === undefined ? [] : [`drawing samples: ${Math.round(100 * drawn)} %`]),
        `${rateText(1 / secondsPerStep)} it/s`,
        ...(rolloutShare > 0 ? [`rollouts ${Math.round(100 * rolloutShare)} %`] : []),
        `${durationText((total - step) * secondsPerStep)} left`,
      ].join(' · ')
