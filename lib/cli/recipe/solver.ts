import type { Config } from '../../config/index.js'
import { type Solver, solvers } from '../../solver/index.js'

/**
 * The solver of a configuration's rollouts.
 *
 * @example
 * declare const config: Config
 * const solver = solverOfRollouts(config)
 */
export const solverOfRollouts = (config: Config): Solver =>
  solvers[config.scheduled_sampling_sampler]({ order: config.scheduled_sampling_order })
