import { type Config, rollsOut } from '../../config/index.js'
import { type PlanOptions, ramp } from '../../rollout/index.js'

/**
 * Which samples are rolled out, and how far.
 *
 * @example
 * declare const config: Config
 * const share = planOf(config).probability(1000)
 */
export const planOf = (config: Config): PlanOptions => {
  const steps = config.scheduled_sampling_ramp_steps
  return {
    maxStepOffset: rollsOut(config) ? config.scheduled_sampling_max_step_offset : 0,
    strategy: config.scheduled_sampling_strategy,
    stride: config.scheduled_sampling_step_stride,
    probability: ramp({
      from: steps > 0 ? config.scheduled_sampling_prob_start : 0,
      to: steps > 0 ? config.scheduled_sampling_prob_end : config.scheduled_sampling_probability,
      steps,
      startStep: config.scheduled_sampling_start_step,
      shape: config.scheduled_sampling_ramp_shape,
    }),
  }
}
