import type { Config } from '../../config/index.js'
import {
  adafactor,
  adam,
  adamw,
  lion,
  type Optimizer,
  type OptimizerName,
  prodigy,
  type Schedule,
  schedules,
  sgd,
  type TrainingGraphOptions,
  warmedUp,
} from '../../train/index.js'
import type { Parameterisation } from '../../types/index.js'
import { present } from './present.js'

const learningRateOf = (config: Config): Schedule => {
  const { learning_rate: peak, lr_warmup_steps: warmup, max_train_steps: total, lr_scheduler: name } = config
  const steps = Math.max(1, total - warmup)
  const shape = present({ cycles: config.lr_num_cycles, power: config.lr_power, end: config.lr_end })
  return warmedUp(warmup, peak, schedules[name]({ peak, steps, ...shape }))
}

const makers: { readonly [N in OptimizerName]: (config: Config, learningRate: Schedule) => Optimizer } = {
  adamw: (c, learningRate) => adamw({ learningRate, weightDecay: c.adam_weight_decay, ...momentsOf(c) }),
  adam: (c, learningRate) => adam({ learningRate, weightDecay: c.adam_weight_decay, ...momentsOf(c) }),
  sgd: (c, learningRate) =>
    sgd({
      learningRate,
      weightDecay: c.adam_weight_decay,
      ...present({ momentum: c.sgd_momentum, nesterov: c.sgd_nesterov }),
    }),
  lion: (c, learningRate) =>
    lion({
      learningRate,
      weightDecay: c.adam_weight_decay,
      ...present({ beta1: c.adam_beta1, beta2: c.adam_beta2 }),
    }),
  adafactor: (c, learningRate) =>
    adafactor({
      learningRate,
      weightDecay: c.adam_weight_decay,
      ...present({
        beta1: c.adam_beta1,
        decayRate: c.adafactor_decay_rate,
        clipThreshold: c.adafactor_clip_threshold,
        scalesByParameter: c.adafactor_scale_parameter,
      }),
    }),
  prodigy: (c, learningRate) =>
    prodigy({
      learningRate,
      weightDecay: c.adam_weight_decay,
      ...momentsOf(c),
      ...present({
        beta3: c.prodigy_beta3,
        initialDistance: c.prodigy_d0,
        distanceFactor: c.prodigy_d_coef,
        growthRate: c.prodigy_growth_rate,
        safeguardsWarmup: c.prodigy_safeguard_warmup,
        biasCorrection: c.prodigy_use_bias_correction,
      }),
    }),
}

const momentsOf = (c: Config) =>
  present({ beta1: c.adam_beta1, beta2: c.adam_beta2, epsilon: c.adam_epsilon })

/**
 * The optimizer that a configuration asks for, with its learning rate over the steps.
 *
 * @example
 * declare const config: Config
 * const rate = optimizerOf(config).scalars(0).learning_rate
 */
export const optimizerOf = (config: Config): Optimizer =>
  makers[config.optimizer](config, learningRateOf(config))

/**
 * How a step is made of a batch: its size and parts, clipping, and what decays.
 *
 * @example
 * declare const config: Config
 * const { batchSize } = stepOf(config)
 */
export const stepOf = (
  config: Config,
): Pick<
  TrainingGraphOptions<Parameterisation>,
  | 'batchSize'
  | 'accumulate'
  | 'checkpointing'
  | 'decays'
  | 'lossScaling'
  | 'maxGradientNorm'
  | 'maxGradientValue'
> => {
  const { max_grad_norm: limit, gradient_accumulation_steps: accumulate } = config
  return {
    batchSize: config.train_batch_size * accumulate,
    accumulate,
    ...(config.gradient_checkpointing
      ? { checkpointing: config.gradient_checkpointing_segments ?? true }
      : {}),
    // The small gradients of float16 would be zero; bfloat16 has the range of float32.
    ...(config.mixed_precision === 'fp16' ? { lossScaling: true } : {}),
    ...(config.weight_decay_exclude === 'nothing' ? { decays: () => true } : {}),
    ...(limit === 0
      ? {}
      : config.grad_clip_method === 'value'
        ? { maxGradientValue: limit }
        : { maxGradientNorm: limit }),
  }
}
