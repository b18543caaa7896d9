import type { Rule } from './rule.js'

/** What belongs to some parameterisations only. */
export const objectiveRules: ReadonlyArray<Rule> = [
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
]
