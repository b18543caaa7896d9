/** A number that changes over training, as a function of the steps already taken: 0 for the first step. */
export type Schedule = (step: number) => number

export type ScheduleShape = (options: { readonly peak: number; readonly steps: number }) => Schedule

/** The shapes by the names that `lr_scheduler` takes; all of them may follow a warm-up. */
export const schedules = {
  constant:
    ({ peak }) =>
    () =>
      peak,
  linear:
    ({ peak, steps }) =>
    (step) =>
      peak * Math.max(0, 1 - step / steps),
  cosine:
    ({ peak, steps }) =>
    (step) =>
      (peak * (1 + Math.cos(Math.PI * Math.min(1, step / steps)))) / 2,
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
