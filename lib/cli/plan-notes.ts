import { type Config, rollsOut } from '../config/index.js'
import type { SampleCost } from './plan-cost.js'
import type { PlannedStep } from './ramp-table.js'

/** The share of the time above which what teacher forcing does not do is called dear. */
const dear = 0.5

/** The mean span in σ of all samples from which rollouts have been seen to blur; docs/results.md has the measurements. */
const blurring = 0.01

/** The share of samples below which points beside them are called wasted. */
const wasteful = 0.9

const percent = (share: number): string => `${Math.round(100 * share)} %`

/**
 * What there is to say of planned steps: rollouts that cost more than they can give, or that blur.
 *
 * @example
 * declare const config: Config
 * const sentences = planNotes(config, sampleCost(config), plannedSteps(config))
 */
export const planNotes = (
  config: Config,
  { span, moved }: Pick<SampleCost, 'span' | 'moved'>,
  steps: ReadonlyArray<PlannedStep>,
): ReadonlyArray<string> => {
  if (!rollsOut(config)) return []
  const time = Math.max(...steps.map((step) => step.time))
  const share = Math.max(...steps.map((step) => step.share))
  const [least, most] = [Math.min(...steps.map((step) => step.share)), share].map((part) => part * moved)
  const points = config.scheduled_sampling_renoise_points
  return [
    ...(time > dear
      ? [
          `Rollouts, and what is trained on them, will take ${percent(time)} of the time. The same time spent on more steps of teacher forcing gave better samples wherever it was measured (docs/results.md).`,
        ]
      : []),
    ...(span * share > blurring
      ? [
          `Rollouts go ${span.toPrecision(2)} in σ on average, on ${percent(share)} of the samples. From about ${blurring} for the product on, samples lost variance and fine detail where it was measured (docs/results.md), also while the drift fell: shorter steps, fewer of them, or a smaller share keep more.`,
        ]
      : []),
    ...(points !== null && least < wasteful
      ? [
          `scheduled_sampling_renoise beside evaluates ${points} points for every sample at every step, and they count only for those that are rolled out, which are ${percent(least)} at first and ${percent(most)} at most. scheduled_sampling_probability 1 from the start, with scheduled_sampling_strategy longest, wastes none.`,
        ]
      : []),
  ]
}
