import { kinds } from '../config/kind.js'
import { solverNames } from '../solver/registry.js'
import { commandOption, type Given } from './command-options.js'
import { deviceOption } from './device-option.js'

/** The options of `deriva sample`, from which flags and help are derived. */
export const sampleOptions = {
  num: commandOption(kinds.integer({ min: 1, max: 1024 }), '64', 'How many samples.'),
  steps: commandOption(
    kinds.integer({ min: 1, max: 1000 }),
    "the run's validation_num_inference_steps",
    'Solver steps from noise to data.',
  ),
  solver: commandOption(kinds.choice(solverNames), "the run's validation_sampler", 'The solver.'),
  order: commandOption(kinds.integer({ min: 1, max: 9 }), '2', 'The order of solvers that have a choice.'),
  guidance: commandOption(
    kinds.number({ min: 0 }),
    "the run's validation_guidance",
    'Classifier-free guidance; 1 is none.',
  ),
  label: commandOption(kinds.integer({ min: 0 }), 'the classes go round', 'One class for all samples.'),
  seed: commandOption(
    kinds.integer({ min: 0 }),
    "the run's validation_seed",
    'The seed of the noise: sample i is the same whatever num is.',
  ),
  columns: commandOption(kinds.integer({ min: 1 }), 'one for each class, or a square', 'Samples in a row.'),
  conditioning: commandOption(
    kinds.text('the path of a .safetensors file'),
    'the classes, or the rows of the training data',
    'What to draw: arrays [rows, …] under the names that the model was trained with.',
  ),
  device: deviceOption,
  out: commandOption(
    kinds.text('a path that ends in .png or .safetensors', (path) => /\.(png|safetensors)$/i.test(path)),
    'samples.png',
    'Where the picture goes; samples as they are, such as latents to decode, go to a .safetensors file.',
  ),
} as const

export type SampleOptions = Given<typeof sampleOptions>
