import type { Rule } from './rule.js'

/** What the parts of a model have to agree on, with each other and with how it is trained. */
export const modelRules: ReadonlyArray<Rule> = [
  {
    keys: ['model.width'],
    refuse: ({ model }) => {
      if (model.type === 'onnx') return undefined
      const unit = model.type === 'unet' ? 8 : 4
      return model.width % unit === 0 ? undefined : `a multiple of ${unit}`
    },
  },
  {
    keys: ['model.heads', 'model.width', 'model.levels'],
    refuse: ({ model }) => {
      if (model.type === 'onnx') return undefined
      const channels = model.type === 'unet' ? model.width * 2 ** (model.levels - 1) : model.width
      return model.heads > 0 && channels % model.heads !== 0
        ? `a divisor of the ${channels} channels that attention sees`
        : undefined
    },
  },
  {
    keys: ['model.path'],
    refuse: ({ model }) =>
      model.type === 'onnx' && model.path === null
        ? 'the path of an ONNX file, since model.type is onnx'
        : undefined,
  },
  {
    keys: ['model_type', 'model.type'],
    refuse: ({ model_type: kind, model }) =>
      kind === 'lora' && model.type !== 'onnx'
        ? `full, or a model to adapt: --model.path model.onnx (the weights of a new ${model.type} are drawn at random, and there is nothing in them to adapt)`
        : undefined,
  },
  {
    keys: ['trainable', 'frozen', 'model_type'],
    refuse: ({ trainable, frozen, model_type: kind }) =>
      kind === 'lora' && (trainable !== null || frozen !== null)
        ? 'null, as frozen has to be: with model_type lora only the adapters train (lora_targets says where)'
        : undefined,
  },
]
