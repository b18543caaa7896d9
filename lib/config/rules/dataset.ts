import { datasetFacts } from '../dataset-facts.js'
import type { Rule } from './rule.js'

/** What has to fit the dataset. */
export const datasetRules: ReadonlyArray<Rule> = [
  {
    keys: ['train_batch_size', 'dataset'],
    refuse: ({ train_batch_size: batch, dataset }) =>
      batch > datasetFacts[dataset].size
        ? `at most ${datasetFacts[dataset].size}, the samples of ${dataset}`
        : undefined,
  },
]
