import { type Config, datasetFacts, rollsOut } from '../config/index.js'
import { type Loss, mse, reflexflow } from '../loss/index.js'
import { dit, type Model, type ModelOptions, type ImageShape, unet } from '../model/index.js'
import { ddpm, flow, type Path, uniformTimesteps } from '../path/index.js'
import { type PlanOptions, ramp } from '../rollout/index.js'
import { type Grid, type Solver, solvers, trailing } from '../solver/index.js'
import { type Noised, noised, type Pipeline } from '../stream/index.js'
import { adamw, type Schedule, schedules, type TrainerOptions, warmedUp } from '../train/index.js'
import type { Batch, Parameterisation } from '../types/index.js'
import { shiftedGrid, shiftedTimesteps } from './shift.js'

/** What a configuration means: the values that a training program is composed of. */
export type Recipe<P extends Parameterisation> = {
  readonly trainer: TrainerOptions<P>
  /** Puts batches on the schedule. */
  readonly noise: (batches: Pipeline<Parameterisation, Batch>) => Pipeline<P, Noised>
  readonly solver: Solver
  readonly plan: PlanOptions
  /** How sample grids are drawn. */
  readonly sampling: { readonly path: Path; readonly solver: Solver; readonly grid: Grid }
}

const modelOf = <P extends Parameterisation>(config: Config, parameterisation: P): Model<P> => {
  const { shape, classes } = datasetFacts[config.dataset]
  const shared: ModelOptions<P, ImageShape> = { parameterisation, sample: shape, classes, seed: config.seed }
  const { model } = config
  switch (model.type) {
    case 'unet':
      return unet({ ...shared, ...model })
    case 'dit':
      return dit({ ...shared, ...model })
  }
}

const learningRateOf = (config: Config): Schedule => {
  const { learning_rate: peak, lr_warmup_steps: warmup, max_train_steps: steps, lr_scheduler: name } = config
  return warmedUp(warmup, peak, schedules[name]({ peak, steps: Math.max(1, steps - warmup) }))
}

const trainerOf = <P extends Parameterisation>(
  config: Config,
  parameterisation: P,
  loss: Loss<P>,
): TrainerOptions<P> => ({
  model: modelOf(config, parameterisation),
  loss,
  optimizer: adamw({
    learningRate: learningRateOf(config),
    beta1: config.adam_beta1,
    beta2: config.adam_beta2,
    epsilon: config.adam_epsilon,
    weightDecay: config.adam_weight_decay,
  }),
  batchSize: config.train_batch_size,
  ...(config.max_grad_norm === 0 ? {} : { maxGradientNorm: config.max_grad_norm }),
  ...(config.use_ema ? { emaDecay: config.ema_decay } : {}),
})

const planOf = (config: Config): PlanOptions => {
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

/** What does not depend on the family. */
const commonOf = (config: Config): Pick<Recipe<Parameterisation>, 'solver' | 'plan' | 'sampling'> => ({
  solver: solvers[config.scheduled_sampling_sampler]({ order: config.scheduled_sampling_order }),
  plan: planOf(config),
  sampling: {
    ...samplingOf(config, config.validation_num_inference_steps),
    solver: solvers[config.validation_sampler]({ order: 2 }),
  },
})

/**
 * The path that a configuration samples on, and its grid of so many steps.
 *
 * @example
 * declare const config: Config
 * const { path, grid } = samplingOf(config, 20)
 */
export const samplingOf = (config: Config, steps: number): { readonly path: Path; readonly grid: Grid } => {
  if (config.prediction_type === 'flow_matching') {
    const path = flow()
    return { path, grid: shiftedGrid(config.flow_schedule_shift ?? 1, path, trailing(path, steps)) }
  }
  const path = ddpmPath(config)
  return { path, grid: trailing(path, steps) }
}

const ddpmPath = (config: Config): Path<'ddpm'> =>
  // A configuration of this kind always has a schedule; the default is for the types.
  ddpm({ betaSchedule: config.beta_schedule ?? 'squaredcos_cap_v2' })

const flowRecipe = (config: Config): Recipe<'flow_matching'> => {
  const path = flow()
  const shift = config.flow_schedule_shift ?? 1
  const loss = config.scheduled_sampling_reflexflow
    ? reflexflow({
        alpha: config.scheduled_sampling_reflexflow_alpha,
        beta1: config.scheduled_sampling_reflexflow_beta1,
        beta2: config.scheduled_sampling_reflexflow_beta2,
      })
    : mse
  return {
    ...commonOf(config),
    trainer: trainerOf(config, 'flow_matching', loss),
    noise: noised(path, shift === 1 ? uniformTimesteps : shiftedTimesteps(shift, uniformTimesteps)),
  }
}

type Discrete = Exclude<Parameterisation, 'flow_matching'>

const discreteRecipe = (config: Config, parameterisation: Discrete): Recipe<Discrete> => {
  const path = ddpmPath(config)
  return {
    ...commonOf(config),
    trainer: trainerOf(config, parameterisation, mse),
    noise: noised(path),
  }
}

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
    ? use(flowRecipe(config))
    : use(discreteRecipe(config, config.prediction_type))
