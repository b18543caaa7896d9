import { type Config, rollsOut } from '../../config/index.js'
import { ramp, type StepLength } from '../../rollout/index.js'
import type { RolloutOptions, UnguidedOptions } from '../../stream/index.js'
import { present } from './present.js'
import { samplingOf } from './sampling.js'

/** What one step of a rollout covers: some timesteps, or the way to the next point of a sampler's grid. */
const stepLength = (config: Config): StepLength => {
  const steps = config.scheduled_sampling_inference_steps
  return steps === null
    ? { stride: config.scheduled_sampling_step_stride }
    : { grid: samplingOf(config, steps).grid }
}

/**
 * Which samples are rolled out, from where and how far, and what is learnt there.
 *
 * @example
 * declare const config: Config
 * const share = planOf(config).probability(1000)
 */
export const planOf = (config: Config): UnguidedOptions => {
  const steps = config.scheduled_sampling_ramp_steps
  return {
    maxStepOffset: rollsOut(config) ? config.scheduled_sampling_max_step_offset : 0,
    strategy: config.scheduled_sampling_strategy,
    source: config.scheduled_sampling_source,
    target: config.scheduled_sampling_target,
    ...present({ smallestSigma: config.scheduled_sampling_target_sigma_floor }),
    ...stepLength(config),
    probability: ramp({
      from: steps > 0 ? config.scheduled_sampling_prob_start : 0,
      to: steps > 0 ? config.scheduled_sampling_prob_end : config.scheduled_sampling_probability,
      steps,
      startStep: config.scheduled_sampling_start_step,
      shape: config.scheduled_sampling_ramp_shape,
    }),
  }
}

/**
 * The same, with the guidance that the model has on the way.
 *
 * @example
 * declare const config: Config
 * const { guidance } = rolloutsOf(config)
 */
export const rolloutsOf = (config: Config): RolloutOptions => ({
  ...planOf(config),
  guidance: config.scheduled_sampling_guidance,
})
