import { timestepSamplerDefaults } from '../options/index.js'
import type { Rule } from './rule.js'

const keys = Object.keys(timestepSamplerDefaults) as ReadonlyArray<keyof typeof timestepSamplerDefaults>

/** What belongs to some samplers of timesteps only. */
export const timestepRules: ReadonlyArray<Rule> = keys.map((key) => ({
  keys: [key, 'timestep_sampler'],
  refuse: (config) => {
    const { sampler } = timestepSamplerDefaults[key]
    return config[key] !== null && config.timestep_sampler !== sampler
      ? `null, or leave it out: timestep_sampler is ${config.timestep_sampler}, and only ${sampler} has it`
      : undefined
  },
}))
