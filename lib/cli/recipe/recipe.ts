import { type Config, rollsOut } from '../../config/index.js'
import type { Path } from '../../path/index.js'
import { type Grid, type Solver, solvers } from '../../solver/index.js'
import type { RolloutOptions } from '../../stream/index.js'
import type { TrainerOptions } from '../../train/index.js'
import type { Parameterisation } from '../../types/index.js'
import {
  defarObjective,
  discreteObjective,
  discreteObjectiveBesidePoints,
  discreteObjectiveThroughRollouts,
  dreamObjective,
  flowObjective,
  flowObjectiveBesidePoints,
  flowObjectiveThroughRollouts,
  type Objective,
} from './objective.js'
import type { Shown } from './lessons.js'
import { optimizerOf, stepOf } from './optimizer.js'
import { planOf } from './plan.js'
import { samplingOf } from './sampling.js'
import { solverOfRollouts } from './solver.js'

/** How a configuration trains: the values that a training program is composed of, but for the model (`subjectOf`). */
export type Recipe<P extends Parameterisation, N extends string = never> = Shown<P, N> & {
  readonly parameterisation: P
  readonly trainer: Omit<TrainerOptions<P, N>, 'model' | 'trains'>
  /** The solver of rollouts. */
  readonly solver: Solver
  readonly plan: RolloutOptions
  /** How sample grids are drawn. */
  readonly sampling: { readonly path: Path; readonly solver: Solver; readonly grid: Grid }
}

const recipe = <P extends Parameterisation, N extends string>(
  config: Config,
  parameterisation: P,
  { loss, lessons, together }: Objective<P, N>,
): Recipe<P, N> => ({
  parameterisation,
  lessons,
  together,
  trainer: {
    loss,
    optimizer: optimizerOf(config),
    ...stepOf(config),
    ...(config.use_ema ? { emaDecay: config.ema_decay } : {}),
  },
  solver: solverOfRollouts(config),
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
  use: <P extends Parameterisation, N extends string>(recipe: Recipe<P, N>) => R,
): R => {
  const { prediction_type: type, training_method: method } = config
  const through = rollsOut(config) && config.scheduled_sampling_backprop > 0
  const beside = rollsOut(config) && config.scheduled_sampling_renoise === 'beside'
  if (type === 'flow_matching') {
    if (method === 'defar') return use(recipe(config, type, defarObjective(config)))
    if (beside) return use(recipe(config, type, flowObjectiveBesidePoints(config)))
    return through
      ? use(recipe(config, type, flowObjectiveThroughRollouts(config)))
      : use(recipe(config, type, flowObjective(config)))
  }
  if (type === 'epsilon' && method === 'dream') return use(recipe(config, type, dreamObjective(config)))
  if (beside) return use(recipe(config, type, discreteObjectiveBesidePoints(config)))
  return through
    ? use(recipe(config, type, discreteObjectiveThroughRollouts(config, type)))
    : use(recipe(config, type, discreteObjective(config)))
}
