import type { Config } from '../config.js'
import type { DatasetFacts } from '../dataset-facts.js'
import { rollsOut } from '../options/index.js'

/** A combination that cannot be with the dataset at hand: the keys it is about, the first of them the one to change. */
export type DatasetRule = {
  readonly keys: ReadonlyArray<string>
  readonly refuse: (config: Config, dataset: DatasetFacts) => string | undefined
}

const halvings = (n: number): number => (n > 1 && n % 2 === 0 ? 1 + halvings(n / 2) : 0)

/** What has to fit the dataset. */
export const datasetRules: ReadonlyArray<DatasetRule> = [
  {
    keys: ['train_batch_size'],
    refuse: ({ train_batch_size: batch }, { name, size }) =>
      batch > size ? `at most ${size}, the samples of ${name}` : undefined,
  },
  {
    keys: ['gradient_accumulation_steps'],
    refuse: ({ gradient_accumulation_steps: parts, train_batch_size: batch }, { name, size }) =>
      // A batch that is too large on its own is another rule's affair.
      batch <= size && parts * batch > size
        ? `at most ${Math.floor(size / batch)}: a step of ${parts} × ${batch} samples is more than ${name} has (${size})`
        : undefined,
  },
  {
    keys: ['scheduled_sampling_guidance'],
    refuse: (config, { name, conditioning }) =>
      rollsOut(config) && config.scheduled_sampling_guidance !== 1 && Object.keys(conditioning).length === 0
        ? `1: the samples of ${name} have neither classes nor other conditioning, so that there is nothing to leave out`
        : undefined,
  },
  {
    keys: ['model.type'],
    refuse: ({ model }, { name, shape }) =>
      model.type !== 'onnx' && shape.length !== 3
        ? `onnx: the samples of ${name} are [${shape.join(', ')}], and ${model.type} is for [channels, height, width]`
        : undefined,
  },
  {
    keys: ['model.patch'],
    refuse: ({ model }, { name, shape }) => {
      if (model.type === 'onnx' || shape.length !== 3) return undefined
      const [, height, width] = shape
      return height % model.patch !== 0 || width % model.patch !== 0
        ? `a divisor of the sides of ${name}, which are ${height} and ${width}`
        : undefined
    },
  },
  {
    keys: ['model.levels'],
    refuse: ({ model }, { name, shape: [, height, width] }) => {
      if (model.type !== 'unet' || height % model.patch !== 0 || width % model.patch !== 0) return undefined
      const [rows, columns] = [height / model.patch, width / model.patch]
      const most = Math.min(halvings(rows), halvings(columns)) + 1
      return model.levels > most
        ? `at most ${most}: ${rows} × ${columns} patches of ${name} can be halved ${most - 1} times`
        : undefined
    },
  },
]
