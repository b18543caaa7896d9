import { solvers } from '../solver/registry.js'
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
    keys: ['model.width'],
    refuse: ({ model }) => {
      const unit = model.type === 'unet' ? 8 : 4
      return model.width % unit === 0 ? undefined : `a multiple of ${unit}`
    },
  },
  {
    keys: ['model.heads', 'model.width', 'model.levels'],
    refuse: ({ model }) => {
      const channels = model.type === 'unet' ? model.width * 2 ** (model.levels - 1) : model.width
      return model.heads > 0 && channels % model.heads !== 0
        ? `a divisor of the ${channels} channels that attention sees`
        : undefined
    },
  },
  {
    keys: ['model.patch', 'dataset'],
    refuse: ({ model, dataset }) => {
      const [, height, width] = datasetFacts[dataset].shape
      return height % model.patch !== 0 || width % model.patch !== 0
        ? `a divisor of the sides of ${dataset}, which are ${height} and ${width}`
        : undefined
    },
  },
  {
    keys: ['model.levels', 'model.patch', 'dataset'],
    refuse: ({ model, dataset }) => {
      const [, height, width] = datasetFacts[dataset].shape
      if (model.type !== 'unet' || height % model.patch !== 0 || width % model.patch !== 0) return undefined
      const [rows, columns] = [height / model.patch, width / model.patch]
      const most = Math.min(halvings(rows), halvings(columns)) + 1
      return model.levels > most
        ? `at most ${most}: ${rows} × ${columns} patches of ${dataset} can be halved ${most - 1} times`
        : undefined
    },
  },
  {
    keys: ['scheduled_sampling_order', 'scheduled_sampling_sampler'],
    refuse: ({ scheduled_sampling_order: order, scheduled_sampling_sampler: sampler }) => {
      const { orders } = solvers[sampler]
      return orders.length > 1 && !orders.includes(order)
        ? `one of ${orders.join(', ')}, the orders of ${sampler}`
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
