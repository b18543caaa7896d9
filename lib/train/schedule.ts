/** A number that changes over training, as a function of the steps already taken: 0 for the first step. */
export type Schedule = (step: number) => number

export type ScheduleOptions = {
  /** Where it starts. */
  readonly peak: number
  /** The steps that it is made for, at least 1; from then on it stays where it ended. */
  readonly steps: number
  /** How often `cosine_with_restarts` falls. Default 1. */
  readonly cycles?: number
  /** The exponent of `polynomial`. Default 1. */
  readonly power?: number
  /** Where `polynomial` ends. Default 1e-7. */
  readonly end?: number
}

export type ScheduleShape = (options: ScheduleOptions) => Schedule

const constant: ScheduleShape =
  ({ peak }) =>
  () =>
    peak

/**
 * The shapes by the names that `lr_scheduler` takes, which are those of diffusers, as are the formulas and defaults; all of them may
 * follow a warm-up.
 */
export const schedules = {
  constant,
  /** The same: here every schedule follows the warm-up that is asked for. */
  constant_with_warmup: constant,
  linear:
    ({ peak, steps }) =>
    (step) =>
      peak * Math.max(0, 1 - step / steps),
  cosine:
    ({ peak, steps }) =>
    (step) =>
      (peak * (1 + Math.cos(Math.PI * Math.min(1, step / steps)))) / 2,
  /** Half a cosine from the peak to 0, `cycles` times. */
  cosine_with_restarts:
    ({ peak, steps, cycles = 1 }) =>
    (step) =>
      step >= steps ? 0 : (peak * (1 + Math.cos(Math.PI * (((cycles * step) / steps) % 1)))) / 2,
  polynomial:
    ({ peak, steps, power = 1, end = 1e-7 }) =>
    (step) =>
      end + (peak - end) * Math.max(0, 1 - step / steps) ** power,
} as const satisfies Record<string, ScheduleShape>

export type ScheduleName = keyof typeof schedules

/**
 * A linear rise over `warmup` steps, the first of which is already above 0, then `after`, counted from the end of the warm-up.
 *
 * @example
 * const learningRate = warmedUp(100, 2e-3, schedules.cosine({ peak: 2e-3, steps: 1900 }))
 */
export const warmedUp =
  (warmup: number, peak: number, after: Schedule): Schedule =>
  (step) =>
    step < warmup ? (peak * (step + 1)) / (warmup + 1) : after(step - warmup)
