import { optimizerDefaults, optimizerNames } from '../options/index.js'
import type { Rule } from './rule.js'

const or = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`

/** The options that some optimizers have; what the chosen one has instead is in the message. */
const ownedKeys = Object.keys(optimizerDefaults) as ReadonlyArray<keyof typeof optimizerDefaults>

const ownersOf = (key: keyof typeof optimizerDefaults): ReadonlyArray<string> => {
  const owners: Readonly<Record<string, unknown>> = optimizerDefaults[key]
  return optimizerNames.filter((name) => Object.hasOwn(owners, name))
}

const ownership: ReadonlyArray<Rule> = ownedKeys.map((key) => ({
  keys: [key, 'optimizer'],
  refuse: (config) => {
    const { optimizer: name } = config
    if (config[key] === null || ownersOf(key).includes(name)) return undefined
    const instead = ownedKeys.filter((other) => ownersOf(other).includes(name))
    const has = instead.length === 0 ? '' : ` (which has ${instead.join(', ')})`
    return `null, or leave it out: optimizer is ${name}${has}; it belongs to ${or(ownersOf(key))}`
  },
}))

const schedulesOf = {
  lr_num_cycles: 'cosine_with_restarts',
  lr_power: 'polynomial',
  lr_end: 'polynomial',
} as const
const scheduleKeys = Object.keys(schedulesOf) as ReadonlyArray<keyof typeof schedulesOf>

const shapes: ReadonlyArray<Rule> = scheduleKeys.map((key) => ({
  keys: [key, 'lr_scheduler'],
  refuse: (config) =>
    config[key] !== null && config.lr_scheduler !== schedulesOf[key]
      ? `null, or leave it out: lr_scheduler is ${config.lr_scheduler}, and only ${schedulesOf[key]} has it`
      : undefined,
}))

/** What optimizers and schedules have, and what a step is made of. */
export const optimisationRules: ReadonlyArray<Rule> = [
  ...ownership,
  ...shapes,
  {
    keys: ['lr_end', 'learning_rate', 'lr_scheduler'],
    refuse: ({ lr_end: end, learning_rate: peak }) =>
      end !== null && end > peak ? `at most ${peak}, the learning_rate that it falls from` : undefined,
  },
  {
    keys: ['gradient_checkpointing_segments', 'gradient_checkpointing'],
    refuse: ({ gradient_checkpointing_segments: segments, gradient_checkpointing: on }) =>
      segments !== null && !on ? 'null, or leave it out: gradient_checkpointing is false' : undefined,
  },
]
