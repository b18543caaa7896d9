import type { Config } from '../../config/index.js'
import type { Path } from '../../path/index.js'
import { type Grid, type Solver, solvers } from '../../solver/index.js'
import type { RolloutOptions } from '../../stream/index.js'
import type { TrainerOptions } from '../../train/index.js'
import type { Parameterisation } from '../../types/index.js'
import { modelOf } from './model.js'
import { discreteObjective, flowObjective, type Objective } from './objective.js'
import { optimizerOf, stepOf } from './optimizer.js'
import { planOf } from './plan.js'
import { samplingOf } from './sampling.js'

/** What a configuration means: the values that a training program is composed of. */
export type Recipe<P extends Parameterisation> = {
  readonly trainer: TrainerOptions<P>
  readonly noise: Objective<P>['noise']
  readonly solver: Solver
  readonly plan: RolloutOptions
  /** How sample grids are drawn. */
  readonly sampling: { readonly path: Path; readonly solver: Solver; readonly grid: Grid }
}

const recipe = <P extends Parameterisation>(
  config: Config,
  parameterisation: P,
  { noise, loss }: Objective<P>,
): Recipe<P> => ({
  noise,
  trainer: {
    model: modelOf(config, parameterisation),
    loss,
    optimizer: optimizerOf(config),
    ...stepOf(config),
    ...(config.use_ema ? { emaDecay: config.ema_decay } : {}),
  },
  solver: solvers[config.scheduled_sampling_sampler]({ order: config.scheduled_sampling_order }),
  plan: planOf(config),
  sampling: {
    ...samplingOf(config, config.validation_num_inference_steps),
    solver: solvers[config.validation_sampler]({ order: 2 }),
  },
})

/**
 * Turns a configuration into a recipe, and the recipe into whatever is made of it; the parameterisation is known to the types
 * in between, so that no part can be combined with another that it does not fit.
 *
 * @example
 * declare const config: Config
 * const registers = withRecipe(config, ({ trainer }) => trainer.batchSize)
 */
export const withRecipe = <R>(
  config: Config,
  use: <P extends Parameterisation>(recipe: Recipe<P>) => R,
): R =>
  config.prediction_type === 'flow_matching'
    ? use(recipe(config, 'flow_matching', flowObjective(config)))
    : use(recipe(config, config.prediction_type, discreteObjective(config)))
