import { methodDefaults, rollsOut } from '../options/index.js'
import type { Rule } from './rule.js'

const keys = Object.keys(methodDefaults) as ReadonlyArray<keyof typeof methodDefaults>

const ownership: ReadonlyArray<Rule> = keys.map((key) => ({
  keys: [key, 'training_method'],
  refuse: (config) => {
    const { method } = methodDefaults[key]
    return config[key] !== null && config.training_method !== method
      ? `null, or leave it out: training_method is ${config.training_method}, and only ${method} has it`
      : undefined
  },
}))

const rollouts = [
  'scheduled_sampling_max_step_offset',
  'scheduled_sampling_probability',
  'scheduled_sampling_ramp_steps',
  'scheduled_sampling_prob_start',
  'scheduled_sampling_prob_end',
]

/** Which models a method is for, and what it goes with. */
export const methodRules: ReadonlyArray<Rule> = [
  ...ownership,
  {
    keys: ['training_method', 'prediction_type'],
    refuse: ({ training_method: method, prediction_type: type }) => {
      if (method === 'dream' && type !== 'epsilon')
        return `standard${type === 'flow_matching' ? ', hastened, mixflow or defar' : ''}, since prediction_type is ${type}: dream is defined for epsilon only`
      if (method !== 'standard' && method !== 'dream' && type !== 'flow_matching')
        return `standard${type === 'epsilon' ? ' or dream' : ''}, since prediction_type is ${type}: ${method} is defined for flow_matching only`
      return undefined
    },
  },
  {
    keys: ['training_method', ...rollouts],
    refuse: (config) =>
      config.training_method !== 'standard' && rollsOut(config)
        ? `standard, since scheduled sampling rolls samples out: ${config.training_method} needs them where the schedule has them`
        : undefined,
  },
  {
    keys: ['scheduled_sampling_reflexflow', 'training_method'],
    refuse: ({ scheduled_sampling_reflexflow: on, training_method: method }) =>
      on && method === 'defar'
        ? 'false, since training_method is defar, which has an anti-drift term of its own'
        : undefined,
  },
  {
    keys: ['defar_beta2', 'defar_beta1'],
    refuse: ({ defar_beta1: direction, defar_beta2: size }) =>
      direction === 0 && size === 0
        ? 'above 0, since defar_beta1 is 0 too: nothing would be learnt'
        : undefined,
  },
  {
    keys: ['loss_type', 'training_method'],
    refuse: ({ loss_type: type, training_method: method }) =>
      type !== 'l2' && method === 'defar'
        ? 'l2, since training_method is defar: its error is squared'
        : undefined,
  },
]
