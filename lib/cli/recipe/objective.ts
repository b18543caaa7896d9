import type { Config } from '../../config/index.js'
import type { Loss } from '../../loss/index.js'
import {
  shiftedTimesteps,
  type TimestepSampler,
  type TimestepSamplerOptions,
  timestepSamplers,
} from '../../path/index.js'
import { type Noised, noised, type Pipeline } from '../../stream/index.js'
import type { Batch, Parameterisation } from '../../types/index.js'
import type { Discrete } from './discrete.js'
import { discreteLoss, flowLoss } from './loss.js'
import { present } from './present.js'
import { ddpmPath, flowPath, shiftOf } from './sampling.js'

/** How batches are put on the schedule, and what is learnt from them. */
export type Objective<P extends Parameterisation> = {
  readonly noise: (batches: Pipeline<Parameterisation, Batch>) => Pipeline<P, Noised>
  readonly loss: Loss<P>
}

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

/**
 * The objective of a flow-matching model.
 *
 * @example
 * declare const config: Config
 * const { loss } = flowObjective(config)
 */
export const flowObjective = (config: Config): Objective<'flow_matching'> => ({
  noise: noised(flowPath, timestepsOf(config)),
  loss: flowLoss(config),
})

/**
 * The objective of a model of a discrete diffusion.
 *
 * @example
 * declare const config: Config
 * const { loss } = discreteObjective(config)
 */
export const discreteObjective = (config: Config): Objective<Discrete> => ({
  noise: noised(ddpmPath(config), timestepsOf(config)),
  loss: discreteLoss(config),
})
