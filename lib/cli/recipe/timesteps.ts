import type { Config } from '../../config/index.js'
import {
  shiftedTimesteps,
  type TimestepSampler,
  type TimestepSamplerOptions,
  timestepSamplers,
} from '../../path/index.js'
import { present } from './present.js'
import { shiftOf } from './sampling.js'

/**
 * How a configuration spreads its training timesteps.
 *
 * @example
 * declare const config: Config
 * const timestep = timestepsOf(config)(flow(), 0.5, 0.5)
 */
export const timestepsOf = (config: Config): TimestepSampler => {
  const make: (options: TimestepSamplerOptions) => TimestepSampler = timestepSamplers[config.timestep_sampler]
  const sampler = make(
    present({
      mean: config.flow_sigmoid_mean,
      deviation: config.flow_sigmoid_scale,
      alpha: config.flow_beta_schedule_alpha,
      beta: config.flow_beta_schedule_beta,
      scale: config.flow_mode_scale,
    }),
  )
  const shift = shiftOf(config)
  return shift === 1 ? sampler : shiftedTimesteps(shift, sampler)
}
