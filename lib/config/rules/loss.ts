import type { Config } from '../config.js'
import type { Rule } from './rule.js'

const huberOnly = (key: 'huber_c' | 'huber_schedule'): Rule => ({
  keys: [key, 'loss_type'],
  refuse: (config) =>
    config[key] !== null && config.loss_type === 'l2'
      ? 'null, or leave it out: loss_type is l2, and only huber and smooth_l1 have it'
      : undefined,
})

/** The weightings by noise level that a configuration asks for, by the option that does. */
const weightings = (config: Config): ReadonlyArray<string> => [
  ...(config.snr_gamma > 0 ? ['snr_gamma'] : []),
  ...(config.use_soft_min_snr ? ['use_soft_min_snr'] : []),
  ...(config.use_sigma_squared_weighting ? ['use_sigma_squared_weighting'] : []),
]

/** What kinds of loss have, and which weightings go together: none. */
export const lossRules: ReadonlyArray<Rule> = [
  huberOnly('huber_c'),
  huberOnly('huber_schedule'),
  {
    keys: ['huber_c', 'huber_schedule', 'loss_type'],
    refuse: ({ huber_c: c, huber_schedule: schedule }) =>
      c !== null && c > 1 && schedule !== null && schedule !== 'constant'
        ? `at most 1, from where the ${schedule} schedule falls to it`
        : undefined,
  },
  {
    keys: ['snr_gamma', 'prediction_type'],
    refuse: ({ snr_gamma: gamma, prediction_type: type }) =>
      gamma > 0 && type === 'flow_matching'
        ? '0, since prediction_type is flow_matching, whose loss is as if weighted already (timestep_sampler spreads the noise levels)'
        : undefined,
  },
  {
    keys: ['soft_min_snr_sigma_data', 'use_soft_min_snr'],
    refuse: ({ soft_min_snr_sigma_data: data, use_soft_min_snr: soft }) =>
      data !== null && !soft ? 'null, or leave it out: use_soft_min_snr is false' : undefined,
  },
  ...(['use_sigma_squared_weighting', 'use_soft_min_snr'] as const).map((key): Rule => ({
    keys: [key, 'snr_gamma', 'use_soft_min_snr', 'use_sigma_squared_weighting'],
    refuse: (config) => {
      // The last of them is the one to blame, and only once.
      const [first, ...others] = weightings(config)
      return others.at(-1) === key ? `false, since ${first} weighs already: one of them at a time` : undefined
    },
  })),
]
