import type { Config } from '../../config/index.js'
import { type Loss, mse, reflexflow } from '../../loss/index.js'
import { flow, shiftedTimesteps, uniformTimesteps } from '../../path/index.js'
import { type Noised, noised, type Pipeline } from '../../stream/index.js'
import type { Batch, Parameterisation } from '../../types/index.js'
import { ddpmPath } from './sampling.js'

/** How batches are put on the schedule, and what is learnt from them. */
export type Objective<P extends Parameterisation> = {
  readonly noise: (batches: Pipeline<Parameterisation, Batch>) => Pipeline<P, Noised>
  readonly loss: Loss<P>
}

/**
 * The objective of a flow-matching model.
 *
 * @example
 * declare const config: Config
 * const { loss } = flowObjective(config)
 */
export const flowObjective = (config: Config): Objective<'flow_matching'> => {
  const shift = config.flow_schedule_shift ?? 1
  return {
    noise: noised(flow(), shift === 1 ? uniformTimesteps : shiftedTimesteps(shift, uniformTimesteps)),
    loss: config.scheduled_sampling_reflexflow
      ? reflexflow({
          alpha: config.scheduled_sampling_reflexflow_alpha,
          beta1: config.scheduled_sampling_reflexflow_beta1,
          beta2: config.scheduled_sampling_reflexflow_beta2,
        })
      : mse,
  }
}

/** The parameterisations of a discrete diffusion. */
export type Discrete = Exclude<Parameterisation, 'flow_matching'>

/**
 * The objective of a model of a discrete diffusion.
 *
 * @example
 * declare const config: Config
 * const { loss } = discreteObjective(config)
 */
export const discreteObjective = (config: Config): Objective<Discrete> => ({
  noise: noised(ddpmPath(config)),
  loss: mse,
})
