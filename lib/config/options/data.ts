import { datasetNames } from '../dataset-facts.js'
import { kinds } from '../kind.js'
import { option } from '../option.js'

const group = 'Data'

/** How the images of a folder become samples. */
export const imageModes = ['rgb', 'grey'] as const
export type ImageMode = (typeof imageModes)[number]

/** What is trained on. */
export const data = {
  dataset: option({
    group,
    kind: kinds.text(
      `one of ${datasetNames.join(', ')}, or the path of a folder of images, of a .safetensors file, or of a folder of such files`,
    ),
    value: 'mnist',
    aliases: ['instance_data_dir'],
    meaning:
      'The training data: the digits of MNIST or the clothes of Fashion-MNIST (28×28), synthetic shapes (8×8) for quick trials, images of your own (PNG, JPEG, WebP, TIFF, GIF, AVIF; a folder of them for each class, or one for all), or latents with what they are conditioned on, in safetensors files.',
  }),
  resolution: option({
    group,
    kind: kinds.orNull(kinds.integer({ min: 1, max: 8192 }), 'the images have one size already'),
    value: null,
    meaning:
      'Of a folder of images: the side of the square, in pixels, that the middle of each image is scaled to.',
  }),
  image_mode: option({
    group,
    kind: kinds.choice(imageModes),
    value: 'rgb',
    meaning:
      'Of a folder of images: three channels, or one, their luma (Rec. 601, as PIL and torchvision have it).',
  }),
  train_batch_size: option({
    group,
    kind: kinds.integer({ min: 1, max: 65_536 }),
    value: 64,
    meaning: 'Samples a step. Time and memory grow with it.',
  }),
  caption_dropout_probability: option({
    group,
    kind: kinds.number({ min: 0, max: 1 }),
    value: 0.1,
    meaning:
      'The share of samples that are trained without their class or other conditioning, which classifier-free guidance needs.',
  }),
} as const
