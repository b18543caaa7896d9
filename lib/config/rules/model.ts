import { datasetFacts } from '../dataset-facts.js'
import type { Rule } from './rule.js'

/** What the parts of a model have to agree on, with each other and with the samples. */
export const modelRules: ReadonlyArray<Rule> = [
  {
    keys: ['model.width'],
    refuse: ({ model }) => {
      const unit = model.type === 'unet' ? 8 : 4
      return model.width % unit === 0 ? undefined : `a multiple of ${unit}`
    },
  },
  {
    keys: ['model.heads', 'model.width', 'model.levels'],
    refuse: ({ model }) => {
      const channels = model.type === 'unet' ? model.width * 2 ** (model.levels - 1) : model.width
      return model.heads > 0 && channels % model.heads !== 0
        ? `a divisor of the ${channels} channels that attention sees`
        : undefined
    },
  },
  {
    keys: ['model.patch', 'dataset'],
    refuse: ({ model, dataset }) => {
      const [, height, width] = datasetFacts[dataset].shape
      return height % model.patch !== 0 || width % model.patch !== 0
        ? `a divisor of the sides of ${dataset}, which are ${height} and ${width}`
        : undefined
    },
  },
  {
    keys: ['model.levels', 'model.patch', 'dataset'],
    refuse: ({ model, dataset }) => {
      const [, height, width] = datasetFacts[dataset].shape
      if (model.type !== 'unet' || height % model.patch !== 0 || width % model.patch !== 0) return undefined
      const [rows, columns] = [height / model.patch, width / model.patch]
      const most = Math.min(halvings(rows), halvings(columns)) + 1
      return model.levels > most
        ? `at most ${most}: ${rows} × ${columns} patches of ${dataset} can be halved ${most - 1} times`
        : undefined
    },
  },
]

const halvings = (n: number): number => (n > 1 && n % 2 === 0 ? 1 + halvings(n / 2) : 0)
