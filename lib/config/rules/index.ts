import type { ConfigProblem } from '../../types/index.js'
import type { Config } from '../config.js'
import type { DatasetFacts } from '../dataset-facts.js'
import { datasetRules } from './dataset.js'
import { lossRules } from './loss.js'
import { methodRules } from './method.js'
import { modelRules } from './model.js'
import { objectiveRules } from './objective.js'
import { optimisationRules } from './optimisation.js'
import type { Rule } from './rule.js'
import { scheduledSamplingRules } from './scheduled-sampling.js'
import { superstepRules } from './supersteps.js'
import { timestepRules } from './timesteps.js'

export { knowsNothingGiven } from './objective.js'
export { takesSupersteps } from './supersteps.js'

/** Every combination that is refused; values of one key alone are its codec's affair. */
const rules: ReadonlyArray<Rule> = [
  ...objectiveRules,
  ...timestepRules,
  ...lossRules,
  ...methodRules,
  ...modelRules,
  ...optimisationRules,
  ...scheduledSamplingRules,
  ...superstepRules,
]

const valueAt = (config: Config, key: string): unknown => {
  const record: Readonly<Record<string, unknown>> = key.startsWith('model.') ? config.model : config
  return record[key.replace(/^model\./, '')]
}

/**
 * The combinations of a configuration that cannot be.
 *
 * @param config complete; keys in `ignored` hold stand-ins, and rules that look at them are left out
 * @example
 * declare const config: Config
 * const problems = impossibleCombinations(config, new Set())
 */
export const impossibleCombinations = (
  config: Config,
  ignored: ReadonlySet<string>,
): ReadonlyArray<ConfigProblem> =>
  rules.flatMap(({ keys, refuse }) => {
    const [key = ''] = keys
    const allowed = keys.some((k) => ignored.has(k)) ? undefined : refuse(config)
    return allowed === undefined ? [] : [{ key, value: valueAt(config, key), allowed }]
  })

/**
 * What of a configuration cannot be with this dataset; the rest is `decodeConfig`'s affair.
 *
 * @example
 * declare const config: Config, dataset: DatasetFacts
 * const problems = datasetProblems(config, dataset)
 */
export const datasetProblems = (config: Config, dataset: DatasetFacts): ReadonlyArray<ConfigProblem> =>
  datasetRules.flatMap(({ keys: [key = ''], refuse }) => {
    const allowed = refuse(config, dataset)
    return allowed === undefined ? [] : [{ key, value: valueAt(config, key), allowed }]
  })
