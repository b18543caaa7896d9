import type { TimestepSamplerName } from '../../path/timestep-sampler.js'
import { timestepSamplerNames } from '../../path/timestep-sampler.js'
import { kinds, type NumberRange } from '../kind.js'
import { derivedOption, type Option, option } from '../option.js'

/** The sampler that each of these options belongs to, and its default there. */
export const timestepSamplerDefaults = {
  flow_sigmoid_mean: { sampler: 'logit_normal', value: 0 },
  flow_sigmoid_scale: { sampler: 'logit_normal', value: 1 },
  flow_beta_schedule_alpha: { sampler: 'beta', value: 2 },
  flow_beta_schedule_beta: { sampler: 'beta', value: 2 },
  flow_mode_scale: { sampler: 'mode', value: 1.29 },
} as const satisfies Record<string, { readonly sampler: TimestepSamplerName; readonly value: number }>

const owned = (
  key: keyof typeof timestepSamplerDefaults,
  range: NumberRange,
  meaning: string,
): Option<number | null> => {
  const { sampler, value } = timestepSamplerDefaults[key]
  return derivedOption<number | null>({
    group: 'Objective',
    kind: kinds.orNull(kinds.number(range), 'other samplers'),
    text: `${value} for ${sampler}; null for others`,
    from: ({ timestep_sampler: name }) => (name === sampler ? value : null),
    meaning,
  })
}

/** How training timesteps are spread. */
export const timesteps = {
  timestep_sampler: option({
    group: 'Objective',
    kind: kinds.choice(timestepSamplerNames),
    value: 'uniform',
    meaning:
      "How training timesteps are spread, before any shift: all alike, or most of them in the middle (logit_normal, beta, SD3's mode). A SimpleTuner configuration says flow_use_uniform_schedule or flow_use_beta_schedule, and otherwise means logit_normal.",
  }),
  flow_sigmoid_mean: owned(
    'flow_sigmoid_mean',
    {},
    'Where the timesteps of logit_normal are centred: positive is noisier.',
  ),
  flow_sigmoid_scale: owned(
    'flow_sigmoid_scale',
    { above: 0 },
    'How widely the timesteps of logit_normal are spread.',
  ),
  flow_beta_schedule_alpha: owned(
    'flow_beta_schedule_alpha',
    { above: 0 },
    'First parameter of beta: larger is noisier.',
  ),
  flow_beta_schedule_beta: owned(
    'flow_beta_schedule_beta',
    { above: 0 },
    'Second parameter of beta: larger is cleaner.',
  ),
  flow_mode_scale: owned(
    'flow_mode_scale',
    { min: -1, max: 1.75 },
    'The scale of mode: positive favours the middle, negative the ends.',
  ),
} as const
