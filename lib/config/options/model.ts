import { timeConventions } from '../../model/adopted/time-convention.js'
import { kinds, type NumberRange } from '../kind.js'
import { type Option, option } from '../option.js'

const row = (value: number, range: NumberRange, meaning: string): Option<number> =>
  option({ group: 'Model', kind: kinds.integer(range), value, meaning })

/** The options of each model that can be built: `model.width` belongs to the type that `model.type` names. */
export const modelOptions = {
  unet: {
    width: row(
      32,
      { min: 8, max: 4096 },
      'Channels at the finest level, a multiple of 8; each deeper level has twice as many.',
    ),
    levels: row(3, { min: 1, max: 6 }, 'Resolutions: each level halves the image once more.'),
    depth: row(
      1,
      { min: 1, max: 8 },
      'Residual blocks at each level, on the way down and again on the way up.',
    ),
    patch: row(
      1,
      { min: 1, max: 32 },
      'The finest level works on squares of patch × patch pixels: 2 is four times cheaper.',
    ),
    heads: row(0, { min: 0, max: 64 }, 'Heads of self-attention at the deepest level; 0 is no attention.'),
  },
  dit: {
    width: row(128, { min: 4, max: 4096 }, 'Channels of a token, a multiple of 4 and of heads.'),
    depth: row(4, { min: 1, max: 64 }, 'Transformer blocks.'),
    heads: row(4, { min: 1, max: 64 }, 'Attention heads.'),
    patch: row(
      4,
      { min: 1, max: 32 },
      'The side of the square of pixels that becomes one token; the sides of the image are multiples of it.',
    ),
  },
  onnx: {
    path: option({
      group: 'Model',
      kind: kinds.orNull(kinds.text('the path of an ONNX file'), 'none yet'),
      value: null,
      meaning:
        'The model to train further, as PyTorch or a run of deriva exported it. Giving it is enough: model.type is onnx then.',
    }),
    inputs: option({
      group: 'Model',
      kind: kinds.names(
        'names of the model\'s inputs for latents, timestep and arrays of the dataset: { "latents": "sample", "caption": "encoder_hidden_states" }',
      ),
      value: {},
      meaning:
        'Which input takes what, where that is not plain from names and shapes; arrays of the dataset go to the input of their name. `deriva inspect` shows what is recognised.',
    }),
    constants: option({
      group: 'Model',
      kind: kinds.names(
        'by the names of the model\'s inputs, numbers or grid:ROWSxCOLUMNS: { "img_ids": "grid:16x24", "guidance": "3.5" }',
      ),
      value: {},
      meaning:
        'What inputs are that are the same for all samples: a number for every element, or the places of the tokens of an image. Arrays `shared.<name>` of the dataset are constants too; the places of a square image and of text are recognised.',
    }),
    output: option({
      group: 'Model',
      kind: kinds.orNull(kinds.text('the name of an output'), 'the only one, or the one like the latents'),
      value: null,
      meaning: 'The output that is the prediction.',
    }),
    time: option({
      group: 'Model',
      kind: kinds.orNull(kinds.choice(timeConventions), 'what is recognised, else timestep'),
      value: null,
      meaning:
        'How the model is told the time: timestep is 0 … 1000, sigma is 0 … 1 towards noise, data_share 1 … 0, log_snr the log of the signal-to-noise ratio.',
    }),
    learned_sigma: option({
      group: 'Model',
      kind: kinds.boolean,
      value: false,
      meaning: "Whether the second half of the output's channels is a variance, which is not trained.",
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
  meaning:
    'Which denoiser is trained: a convolutional UNet or a diffusion transformer, from the start, or a model in an ONNX file (model.path).',
})
