import type { Config } from './config.js'
import type { OptionRow } from './keys.js'
import { options, rollsOut } from './options/index.js'

type Note = (config: Config) => string | undefined

const rows: Readonly<Record<string, OptionRow>> = options

type Key = keyof typeof options

/** Options of rollouts beside the longest length and the share, which decide whether there are any. */
const ofRollouts: ReadonlyArray<Key> = [
  'scheduled_sampling_step_stride',
  'scheduled_sampling_inference_steps',
  'scheduled_sampling_source',
  'scheduled_sampling_backprop',
  'scheduled_sampling_target',
  'scheduled_sampling_start_step',
  'scheduled_sampling_strategy',
  'scheduled_sampling_sampler',
  'scheduled_sampling_guidance',
  'scheduled_sampling_renoise',
  'scheduled_sampling_reflexflow',
]

/** Options that take effect under a condition only, and the words for where it does not hold. */
const idle: ReadonlyArray<{
  readonly keys: ReadonlyArray<Key>
  readonly because: (config: Config) => string | undefined
}> = [
  { keys: ofRollouts, because: (c) => (rollsOut(c) ? undefined : 'no sample is rolled out') },
  {
    keys: ['scheduled_sampling_prob_start', 'scheduled_sampling_prob_end', 'scheduled_sampling_ramp_shape'],
    because: (c) =>
      c.scheduled_sampling_ramp_steps === 0
        ? 'scheduled_sampling_ramp_steps is 0, so that there is no ramp'
        : undefined,
  },
  {
    keys: ['scheduled_sampling_strategy'],
    because: (c) =>
      rollsOut(c) && c.scheduled_sampling_source === 'trajectory'
        ? 'trajectories from pure noise draw no lengths'
        : undefined,
  },
  {
    keys: [
      'scheduled_sampling_reflexflow_alpha',
      'scheduled_sampling_reflexflow_beta1',
      'scheduled_sampling_reflexflow_beta2',
    ],
    because: (c) => (c.scheduled_sampling_reflexflow ? undefined : 'scheduled_sampling_reflexflow is false'),
  },
  {
    keys: ['lora_rank', 'lora_alpha', 'lora_dropout', 'lora_targets', 'lora_rslora'],
    because: (c) => (c.model_type === 'lora' ? undefined : `model_type is ${c.model_type}`),
  },
  { keys: ['ema_decay'], because: (c) => (c.use_ema ? undefined : 'use_ema is false') },
  {
    keys: ['input_perturbation_steps'],
    because: (c) => (c.input_perturbation === 0 ? 'input_perturbation is 0' : undefined),
  },
]

/** Whether an option has another value than it would have if nobody had written it. */
const isChanged = (config: Config, key: Key): boolean => {
  const { fallback } = rows[key]
  // As text, since some are lists.
  return (
    JSON.stringify(config[key]) !==
    JSON.stringify('text' in fallback ? fallback.from(config) : fallback.value)
  )
}

/** What was written and does nothing, with the reason. */
const doingNothing = (config: Config): ReadonlyArray<string> =>
  idle.flatMap(({ keys, because }) => {
    const reason = because(config)
    const changed = reason === undefined ? [] : keys.filter((key) => isChanged(config, key))
    return changed.length === 0
      ? []
      : [`${changed.join(', ')} ${changed.length === 1 ? 'does' : 'do'} nothing: ${reason}.`]
  })

/** Settings that are allowed and yet do not do what they seem to. */
const table: ReadonlyArray<Note> = [
  (c) =>
    c.scheduled_sampling_max_step_offset > 0 && !rollsOut(c)
      ? `scheduled_sampling_max_step_offset is ${c.scheduled_sampling_max_step_offset}, but nothing will roll out: ${
          c.scheduled_sampling_ramp_steps > 0
            ? 'both ends of the ramp are 0'
            : 'scheduled_sampling_probability is 0 and there is no ramp'
        }.`
      : undefined,
  (c) =>
    c.scheduled_sampling_max_step_offset === 0 &&
    (c.scheduled_sampling_probability > 0 || c.scheduled_sampling_ramp_steps > 0)
      ? 'Scheduled sampling is off: scheduled_sampling_max_step_offset is 0.'
      : undefined,
  (c) =>
    rollsOut(c) && c.scheduled_sampling_ramp_steps > 0 && c.scheduled_sampling_probability > 0
      ? `The share that rolls out goes from scheduled_sampling_prob_start ${c.scheduled_sampling_prob_start} to scheduled_sampling_prob_end ${c.scheduled_sampling_prob_end}; scheduled_sampling_probability ${c.scheduled_sampling_probability} is not used.${
          c.scheduled_sampling_prob_start === 0
            ? ` (SimpleTuner takes a start of 0 for "not given", and goes from ${c.scheduled_sampling_probability}.)`
            : ''
        }`
      : undefined,
  (c) =>
    rollsOut(c) &&
    c.scheduled_sampling_start_step >= c.max_train_steps &&
    (c.scheduled_sampling_ramp_steps === 0 || c.scheduled_sampling_prob_start === 0)
      ? `Nothing will roll out: scheduled_sampling_start_step ${c.scheduled_sampling_start_step} is not before the end, step ${c.max_train_steps}.`
      : undefined,
  (c) =>
    c.scheduled_sampling_renoise !== 'none' && c.scheduled_sampling_target === 'original'
      ? 'scheduled_sampling_renoise with original targets teaches nothing about where the drift has led; SOAR, which it is from, has scheduled_sampling_target corrected.'
      : undefined,
  (c) =>
    c.training_method === 'mixflow' && c.timestep_sampler !== 'beta'
      ? 'mixflow was published with timestep_sampler beta, flow_beta_schedule_alpha 1 and flow_beta_schedule_beta 2.'
      : undefined,
  (c) => {
    if (!rollsOut(c) || c.scheduled_sampling_source !== 'trajectory') return undefined
    const most = c.scheduled_sampling_max_step_offset
    const whole = c.scheduled_sampling_inference_steps ?? Math.ceil(1000 / c.scheduled_sampling_step_stride)
    return most < whole
      ? `Trajectories from pure noise take up to ${whole} steps, and scheduled_sampling_max_step_offset is ${most}: only the noisiest ${most}/${whole} of the way can be rolled out.`
      : undefined
  },
  (c) =>
    c.lr_warmup_steps >= c.max_train_steps
      ? `The learning rate is still warming up at the end: lr_warmup_steps is ${c.lr_warmup_steps}, max_train_steps ${c.max_train_steps}.`
      : undefined,
]

/**
 * Sentences to show before training starts, about settings that are allowed and yet do not do what they seem to.
 *
 * @example
 * declare const config: Config
 * const sentences = configNotes(config)
 */
export const configNotes = (config: Config): ReadonlyArray<string> => [
  ...table.flatMap((note) => {
    const sentence = note(config)
    return sentence === undefined ? [] : [sentence]
  }),
  ...doingNothing(config),
]
