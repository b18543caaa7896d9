import type { Config } from '../../config/index.js'
import { adamw, type Optimizer, type Schedule, schedules, warmedUp } from '../../train/index.js'

const learningRateOf = (config: Config): Schedule => {
  const { learning_rate: peak, lr_warmup_steps: warmup, max_train_steps: steps, lr_scheduler: name } = config
  return warmedUp(warmup, peak, schedules[name]({ peak, steps: Math.max(1, steps - warmup) }))
}

/**
 * The optimizer that a configuration asks for, with its learning rate over the steps.
 *
 * @example
 * declare const config: Config
 * const rate = optimizerOf(config).scalars(0).learning_rate
 */
export const optimizerOf = (config: Config): Optimizer =>
  adamw({
    learningRate: learningRateOf(config),
    beta1: config.adam_beta1,
    beta2: config.adam_beta2,
    epsilon: config.adam_epsilon,
    weightDecay: config.adam_weight_decay,
  })
