import type { Config } from '../config.js'
import type { Rule } from './rule.js'

/**
 * Whether a model has met samples without what they are conditioned on, which guidance compares with: a model that is trained further
 * may have met them before.
 *
 * @example
 * declare const config: Config
 * const possible = knowsNothingGiven(config)
 */
export const knowsNothingGiven = ({
  caption_dropout_probability: dropout,
  model,
}: Pick<Config, 'caption_dropout_probability' | 'model'>): boolean => dropout > 0 || model.type === 'onnx'

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
    keys: ['flow_schedule_auto_shift', 'prediction_type'],
    refuse: ({ flow_schedule_auto_shift: auto, prediction_type: type }) =>
      auto && type !== 'flow_matching'
        ? `false, since prediction_type is ${type}: only flow_matching has a shift`
        : undefined,
  },
  {
    keys: ['flow_schedule_shift', 'flow_schedule_auto_shift', 'prediction_type'],
    refuse: ({ flow_schedule_shift: shift, flow_schedule_auto_shift: auto }) =>
      auto && shift !== null
        ? 'null, or leave it out: flow_schedule_auto_shift computes it from the size of the samples'
        : undefined,
  },
  ...(['beta_start', 'beta_end'] as const).map((key): Rule => ({
    keys: [key, 'beta_schedule', 'prediction_type'],
    refuse: (config) => {
      const { beta_schedule: betas } = config
      return config[key] !== null && betas !== 'linear' && betas !== 'scaled_linear'
        ? `null, or leave it out: beta_schedule is ${String(betas)}, and only linear and scaled_linear have it`
        : undefined
    },
  })),
  {
    keys: ['beta_end', 'beta_start', 'beta_schedule'],
    refuse: ({ beta_start: start, beta_end: end, beta_schedule: betas }) =>
      (betas === 'linear' || betas === 'scaled_linear') && (end ?? 0.02) <= (start ?? 0.0001)
        ? `above ${start ?? 0.0001}, the beta_start`
        : undefined,
  },
  {
    keys: ['rescale_betas_zero_snr', 'prediction_type'],
    refuse: ({ rescale_betas_zero_snr: rescales, prediction_type: type }) =>
      !rescales || type === 'v_prediction' || type === 'sample'
        ? undefined
        : type === 'epsilon'
          ? 'false, since prediction_type is epsilon: at pure noise its prediction says nothing of the data (v_prediction and sample do)'
          : 'false, since flow_matching has no betas: its path ends in pure noise as it is',
  },
  ...(['validation_guidance', 'scheduled_sampling_guidance'] as const).map((key): Rule => ({
    keys: [key, 'caption_dropout_probability', 'model.type'],
    refuse: (config) =>
      config[key] !== 1 && !knowsNothingGiven(config)
        ? '1, since caption_dropout_probability is 0: guidance needs a model that is also trained without its conditioning'
        : undefined,
  })),
]
