import { kinds } from '../kind.js'
import { derivedOption, option } from '../option.js'

const group = 'Fine-tuning'

const names = kinds.list(
  'names of weights or layers, `*` for any characters, or expressions between slashes: "blocks.*.qkv", "/attn[12]/"',
)

/** How much of a model is trained: all weights, some of them, or low-rank adapters beside them. */
export const lora = {
  model_type: option({
    group,
    kind: kinds.choice(['full', 'lora']),
    value: 'full',
    meaning:
      'Train the weights themselves, or LoRA: adapters of low rank beside weights that stay as they are (model.type onnx only).',
  }),
  trainable: option({
    group,
    kind: kinds.orNull(names, 'all'),
    value: null,
    meaning: 'The weights that train. On the command line separated by commas.',
  }),
  frozen: option({
    group,
    kind: kinds.orNull(names, 'none'),
    value: null,
    meaning: 'Weights that do not train, out of those that would.',
  }),
  lora_rank: option({
    group,
    kind: kinds.integer({ min: 1, max: 4096 }),
    value: 16,
    meaning: 'The rank of the adapters. Their size, and what they can learn, grow with it.',
  }),
  lora_alpha: derivedOption({
    group,
    kind: kinds.number({ above: 0 }),
    text: 'the value of lora_rank',
    from: ({ lora_rank }) => lora_rank,
    meaning: 'Adapters are scaled by lora_alpha / lora_rank.',
  }),
  lora_dropout: option({
    group,
    kind: kinds.number({ min: 0, below: 1 }),
    value: 0,
    meaning: "The share of an adapter's input that counts as zero in training.",
  }),
  lora_targets: option({
    group,
    kind: names,
    value: ['*'],
    meaning:
      "The layers that get adapters: linear ones and convolutions of these names, or of names that end in them. `deriva inspect` lists a model's.",
  }),
  lora_rslora: option({
    group,
    kind: kinds.boolean,
    value: false,
    aliases: ['lora_use_rslora'],
    meaning:
      'Scale by lora_alpha / √lora_rank instead, with which the learning rate need not change with the rank.',
  }),
} as const
