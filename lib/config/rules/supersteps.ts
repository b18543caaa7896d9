import type { Config } from '../config.js'
import { rollsOut } from '../options/index.js'
import type { Rule } from './rule.js'

/** What several steps in one graph cannot do: the keys that ask for it, and the words for it where they do. */
const obstacles: ReadonlyArray<{
  readonly keys: ReadonlyArray<string>
  readonly because: (config: Config) => string | undefined
}> = [
  {
    keys: ['gradient_accumulation_steps'],
    because: ({ gradient_accumulation_steps: parts }) =>
      parts > 1 ? `gradient_accumulation_steps is ${parts}: a step is several runs already` : undefined,
  },
  {
    keys: ['training_method'],
    because: ({ training_method: method }) =>
      method === 'dream' ? 'training_method is dream, which asks the model before every step' : undefined,
  },
  {
    keys: ['scheduled_sampling_backprop'],
    because: (config) =>
      rollsOut(config) && config.scheduled_sampling_backprop > 0
        ? `scheduled_sampling_backprop is ${config.scheduled_sampling_backprop}: its rollouts begin before the step`
        : undefined,
  },
  {
    keys: ['scheduled_sampling_renoise'],
    because: (config) =>
      rollsOut(config) && config.scheduled_sampling_renoise !== 'none'
        ? `scheduled_sampling_renoise is ${config.scheduled_sampling_renoise}: rolled-out samples leave the graph to be noised again`
        : undefined,
  },
  {
    keys: ['input_perturbation'],
    because: (config) =>
      rollsOut(config) && config.input_perturbation > 0
        ? `input_perturbation is ${config.input_perturbation}: rolled-out samples leave the graph to be perturbed`
        : undefined,
  },
]

/**
 * Whether several steps can be one run, with these options.
 *
 * @example
 * declare const config: Config
 * const possible = takesSupersteps(config)
 */
export const takesSupersteps = (config: Config): boolean =>
  obstacles.every(({ because }) => because(config) === undefined)

/** A number of steps that was asked for is refused where they cannot be one run; `auto` takes single steps there. */
export const superstepRules: ReadonlyArray<Rule> = obstacles.map(({ keys, because }) => ({
  keys: ['superstep_steps', ...keys],
  refuse: (config) => {
    const { superstep_steps: steps } = config
    const reason = steps === 'auto' || steps === 1 ? undefined : because(config)
    return reason === undefined ? undefined : `1 or auto, since ${reason}`
  },
}))
