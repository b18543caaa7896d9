import type { ConfigProblem } from '../types/index.js'
import type { Config } from './config.js'
import { datasetFacts } from './dataset-facts.js'

/** A combination that cannot be: the keys it is about, the first of them the one to change, and what would be right. */
type Rule = { readonly keys: ReadonlyArray<string>; readonly refuse: (config: Config) => string | undefined }

/** Every combination that is refused; values of one key alone are its codec's affair. */
const rules: ReadonlyArray<Rule> = [
  {
    keys: ['scheduled_sampling_reflexflow', 'prediction_type'],
    refuse: ({ scheduled_sampling_reflexflow: on, prediction_type: type }) =>
      on && type !== 'flow_matching'
        ? `false, since prediction_type is ${type}: ReflexFlow is defined for flow_matching only`
        : undefined,
  },
  {
    keys: ['beta_schedule', 'prediction_type'],
    refuse: ({ beta_schedule: betas, prediction_type: type }) =>
      betas !== null && type === 'flow_matching'
        ? 'null, or leave it out: flow_matching has no betas (flow_schedule_shift moves its timesteps)'
        : undefined,
  },
  {
    keys: ['flow_schedule_shift', 'prediction_type'],
    refuse: ({ flow_schedule_shift: shift, prediction_type: type }) =>
      shift !== null && type !== 'flow_matching'
        ? `null, or leave it out: prediction_type is ${type}, and only flow_matching has a shift (beta_schedule sets the noise)`
        : undefined,
  },
  {
    keys: ['validation_guidance', 'caption_dropout_probability'],
    refuse: ({ validation_guidance: guidance, caption_dropout_probability: dropout }) =>
      guidance !== 1 && dropout === 0
        ? '1, since caption_dropout_probability is 0: guidance needs a model that has also been trained without classes'
        : undefined,
  },
  {
    keys: ['train_batch_size', 'dataset'],
    refuse: ({ train_batch_size: batch, dataset }) =>
      batch > datasetFacts[dataset].size
        ? `at most ${datasetFacts[dataset].size}, the samples of ${dataset}`
        : undefined,
  },
  {
    keys: ['model.heads', 'model.width'],
    refuse: ({ model }) =>
      model.type === 'dit' && model.width % model.heads !== 0
        ? `a divisor of model.width, which is ${model.width}`
        : undefined,
  },
  {
    keys: ['model.patch', 'dataset'],
    refuse: ({ model, dataset }) => {
      const [, height, width] = datasetFacts[dataset].shape
      return model.type === 'dit' && (height % model.patch !== 0 || width % model.patch !== 0)
        ? `a divisor of the sides of ${dataset}, which are ${height} and ${width}`
        : undefined
    },
  },
  {
    keys: ['model.levels', 'dataset'],
    refuse: ({ model, dataset }) => {
      const [, height, width] = datasetFacts[dataset].shape
      const most = Math.min(halvings(height), halvings(width)) + 1
      return model.type === 'unet' && model.levels > most
        ? `at most ${most} for ${dataset}, whose sides ${height} and ${width} can be halved ${most - 1} times`
        : undefined
    },
  },
]

const halvings = (n: number): number => (n > 1 && n % 2 === 0 ? 1 + halvings(n / 2) : 0)

const valueAt = (config: Config, key: string): unknown => {
  const record: Readonly<Record<string, unknown>> = key.startsWith('model.') ? config.model : config
  return record[key.replace(/^model\./, '')]
}

/**
 * The combinations of a configuration that cannot be.
 *
 * @param config complete; keys in `ignored` hold stand-ins, and rules that look at them are left out
 * @example
 * declare const config: Config
 * const problems = impossibleCombinations(config, new Set())
 */
export const impossibleCombinations = (
  config: Config,
  ignored: ReadonlySet<string>,
): ReadonlyArray<ConfigProblem> =>
  rules.flatMap(({ keys, refuse }) => {
    const [key = ''] = keys
    const allowed = keys.some((k) => ignored.has(k)) ? undefined : refuse(config)
    return allowed === undefined ? [] : [{ key, value: valueAt(config, key), allowed }]
  })
