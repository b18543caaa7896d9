import type { OptimizerName } from '../../train/optimizers.js'

/** SimpleTuner's optimizers by the one here that makes the same steps. Those without one are refused, not replaced. */
const equivalents: Readonly<Record<string, OptimizerName>> = {
  adamw_bf16: 'adamw',
  'torch-adamw': 'adamw',
  'optimi-adamw': 'adamw',
  'ao-adamw8bit': 'adamw',
  'ao-adamw4bit': 'adamw',
  'ao-adamwfp8': 'adamw',
  'bnb-adamw': 'adamw',
  'bnb-adamw8bit': 'adamw',
  'bnb-adamw-paged': 'adamw',
  'bnb-adamw8bit-paged': 'adamw',
  'optimi-adam': 'adam',
  'ao-adamfp8': 'adam',
  'bnb-adam': 'adam',
  'bnb-adam8bit': 'adam',
  'optimi-lion': 'lion',
  'bnb-lion': 'lion',
  'bnb-lion8bit': 'lion',
  'bnb-lion-paged': 'lion',
  'bnb-lion8bit-paged': 'lion',
  'optimi-sgd': 'sgd',
}

/**
 * The optimizer here that makes the steps of one of SimpleTuner's, in float32.
 *
 * @example
 * const name = optimizerFor('adamw_bf16') // 'adamw'
 */
export const optimizerFor = (name: unknown): OptimizerName | undefined =>
  typeof name === 'string' && Object.hasOwn(equivalents, name) ? equivalents[name] : undefined

/** The settings of `optimizer_config`, by the option here that each is. */
const settings: Readonly<Record<string, string>> = {
  weight_decay: 'adam_weight_decay',
  eps: 'adam_epsilon',
  momentum: 'sgd_momentum',
  nesterov: 'sgd_nesterov',
  decay_rate: 'adafactor_decay_rate',
  clip_threshold: 'adafactor_clip_threshold',
  scale_parameter: 'adafactor_scale_parameter',
  beta3: 'prodigy_beta3',
  d0: 'prodigy_d0',
  d_coef: 'prodigy_d_coef',
  growth_rate: 'prodigy_growth_rate',
  safeguard_warmup: 'prodigy_safeguard_warmup',
  use_bias_correction: 'prodigy_use_bias_correction',
}

export type OptimizerSettings = {
  /** By option, as text. */
  readonly options: ReadonlyArray<readonly [string, string]>
  /** What has no option. */
  readonly unknown: ReadonlyArray<string>
}

/**
 * The settings in a text such as `weight_decay=0.0,eps=1e-8`.
 *
 * @example
 * const { options } = optimizerSettings('d_coef=0.1') // [['prodigy_d_coef', '0.1']]
 */
export const optimizerSettings = (text: string): OptimizerSettings => {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const read = parts.map((part) => {
    const [name = '', value = 'true'] = part.split('=').map((word) => word.trim())
    return { part, option: Object.hasOwn(settings, name) ? settings[name] : undefined, value }
  })
  return {
    options: read.flatMap(({ option, value }) =>
      option === undefined
        ? []
        : [[option, value.toLowerCase() === 'none' ? 'null' : value.toLowerCase()] as const],
    ),
    unknown: read.flatMap(({ part, option }) => (option === undefined ? [part] : [])),
  }
}
