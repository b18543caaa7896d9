import { kinds } from '../kind.js'
import { option } from '../option.js'

const width = (value: number, meaning: string) =>
  option({ group: 'Model', kind: kinds.integer({ min: 1, max: 4096 }), value, meaning })

/** The options of each model that can be built: `model.width` belongs to the type that `model.type` names. */
export const modelOptions = {
  unet: {
    width: width(32, 'Channels at full resolution; deeper levels have more.'),
    levels: option({
      group: 'Model',
      kind: kinds.integer({ min: 1, max: 6 }),
      value: 3,
      meaning: 'Resolutions: each level halves the image once more.',
    }),
    depth: option({
      group: 'Model',
      kind: kinds.integer({ min: 1, max: 8 }),
      value: 1,
      meaning: 'Residual blocks at each level.',
    }),
  },
  dit: {
    width: width(128, 'Channels of a token.'),
    depth: option({
      group: 'Model',
      kind: kinds.integer({ min: 1, max: 64 }),
      value: 4,
      meaning: 'Transformer blocks.',
    }),
    heads: option({
      group: 'Model',
      kind: kinds.integer({ min: 1, max: 64 }),
      value: 4,
      meaning: 'Attention heads; width is a multiple of it.',
    }),
    patch: option({
      group: 'Model',
      kind: kinds.integer({ min: 1, max: 32 }),
      value: 4,
      meaning:
        'The side of the square of pixels that becomes one token; the sides of the image are multiples of it.',
    }),
  },
} as const

export type ModelType = keyof typeof modelOptions

/** The types, in the order of the table (whose keys are exactly these: it is a constant). */
export const modelTypes = Object.keys(modelOptions) as ReadonlyArray<ModelType>

export const modelType = option({
  group: 'Model',
  kind: kinds.choice(modelTypes),
  value: 'unet',
  meaning: 'Which denoiser is built: a convolutional UNet, or a diffusion transformer.',
})
