import { type Config, rollsOut } from '../config/index.js'

const share = (config: Config): string => {
  const steps = config.scheduled_sampling_ramp_steps
  const start = config.scheduled_sampling_start_step
  if (steps === 0)
    return `share ${config.scheduled_sampling_probability}${start > 0 ? ` from step ${start}` : ''}`
  return `share ${config.scheduled_sampling_prob_start} → ${config.scheduled_sampling_prob_end} over steps ${start} … ${start + steps}`
}

/** The model, and how much of it trains. */
const subject = (
  { model, model_type: kind, lora_rank: rank }: Config,
  weights: number,
  trained: number,
): string => {
  const name = model.type === 'onnx' ? (model.path ?? 'a model') : model.type
  const count = trained.toLocaleString('en-US')
  if (kind === 'lora') return `adapters of rank ${rank} for ${name}, ${count} weights`
  return trained === weights
    ? `${name}, ${count} weights`
    : `${name}, ${count} of ${weights.toLocaleString('en-US')} weights`
}

/**
 * What is about to be trained, in two or three lines.
 *
 * @param weights the number of parameters of the model
 * @param trained the number of those that train
 * @param from the step to go on from; 0 is the start
 * @example
 * declare const config: Config
 * const lines = headline(config, { weights: 1_000_000, trained: 1_000_000, from: 0 })
 */
export const headline = (
  config: Config,
  { weights, trained, from }: { readonly weights: number; readonly trained: number; readonly from: number },
): ReadonlyArray<string> => [
  `${config.prediction_type} ${subject(config, weights, trained)}, on ${config.dataset} in batches of ${config.train_batch_size}`,
  rollsOut(config)
    ? `scheduled sampling: up to ${config.scheduled_sampling_max_step_offset} steps of ${config.scheduled_sampling_sampler}${config.scheduled_sampling_guidance === 1 ? '' : ` under guidance ${config.scheduled_sampling_guidance}`}, ${share(config)}${config.scheduled_sampling_reflexflow ? ', ReflexFlow losses' : ''}`
    : 'scheduled sampling: off',
  `${config.output_dir}: ${from > 0 ? `going on from step ${from}` : 'from the start'} to step ${config.max_train_steps}`,
]
