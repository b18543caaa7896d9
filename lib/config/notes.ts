import type { Config } from './config.js'
import { rollsOut } from './options/index.js'

type Note = (config: Config) => string | undefined

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
      ? `The ramp decides which share rolls out (${c.scheduled_sampling_prob_start} → ${c.scheduled_sampling_prob_end}): scheduled_sampling_probability ${c.scheduled_sampling_probability} is not used. (SimpleTuner starts the ramp at that probability where prob_start is 0.)`
      : undefined,
  (c) =>
    rollsOut(c) &&
    c.scheduled_sampling_start_step >= c.max_train_steps &&
    c.scheduled_sampling_prob_start === 0
      ? `Nothing will roll out: scheduled_sampling_start_step ${c.scheduled_sampling_start_step} is not before the end, step ${c.max_train_steps}.`
      : undefined,
  (c) =>
    !rollsOut(c) && (c.scheduled_sampling_renoise !== 'none' || c.scheduled_sampling_backprop > 0)
      ? `${c.scheduled_sampling_renoise === 'none' ? 'scheduled_sampling_backprop' : 'scheduled_sampling_renoise'} does nothing: no sample is rolled out.`
      : undefined,
  (c) =>
    c.scheduled_sampling_renoise !== 'none' && c.scheduled_sampling_target === 'original'
      ? 'scheduled_sampling_renoise with original targets teaches nothing about where the drift has led; SOAR, which it is from, has scheduled_sampling_target corrected.'
      : undefined,
  (c) =>
    c.training_method === 'mixflow' && c.timestep_sampler !== 'beta'
      ? 'mixflow was published with timestep_sampler beta, flow_beta_schedule_alpha 1 and flow_beta_schedule_beta 2.'
      : undefined,
  (c) =>
    c.input_perturbation === 0 && c.input_perturbation_steps > 0
      ? 'input_perturbation_steps does nothing: input_perturbation is 0.'
      : undefined,
  (c) =>
    c.scheduled_sampling_reflexflow && !rollsOut(c)
      ? 'scheduled_sampling_reflexflow does nothing: no sample is rolled out.'
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
export const configNotes = (config: Config): ReadonlyArray<string> =>
  table.flatMap((note) => {
    const sentence = note(config)
    return sentence === undefined ? [] : [sentence]
  })
