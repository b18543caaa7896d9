import { type Config, takesSupersteps, usualSuperstep } from '../config/index.js'
import type { Device } from '../engine/index.js'

/** Whether every run copies weights and optimizer memory to the device and back. */
const copies: { readonly [D in Device]: boolean } = { cpu: false, webgpu: false, cuda: true }

/**
 * The intervals at whose multiples somebody looks at the weights: for checkpoints, and for sample grids.
 *
 * @example
 * declare const config: Config
 * const pauses = pausesOf(config) // [500, 250]
 */
export const pausesOf = ({
  checkpoint_step_interval: checkpoints,
  validation_step_interval: grids,
}: Pick<Config, 'checkpoint_step_interval' | 'validation_step_interval'>): ReadonlyArray<number> =>
  [checkpoints, grids].filter((interval) => interval > 0)

/** Evaluations of the model in the rollouts of one graph up to which it is compiled unasked: each holds the model once. */
const mostEvaluations = 40

/**
 * How many optimizer steps a device takes in one run, at most.
 *
 * @param evaluations of the model that the longest rollout of a step makes in the graph; asked for where it matters
 * @example
 * declare const config: Config
 * const one = superstepSteps(config, 'cpu', () => 0) // 1, unless another number is asked for
 */
export const superstepSteps = (config: Config, device: Device, evaluations: () => number): number => {
  const { superstep_steps: wanted } = config
  if (wanted !== 'auto') return wanted
  return copies[device] && takesSupersteps(config) && evaluations() <= mostEvaluations ? usualSuperstep : 1
}
