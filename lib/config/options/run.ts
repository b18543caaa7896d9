import { datasetNames } from '../dataset-facts.js'
import { kinds } from '../kind.js'
import { option } from '../option.js'

/** What is trained on, for how long, and where the run is kept. */
export const run = {
  output_dir: option({
    group: 'Run',
    kind: kinds.text('the path of a folder'),
    value: 'runs/deriva',
    meaning: 'The run folder: configuration, metrics, samples, checkpoints, model.onnx and report.html.',
  }),
  seed: option({
    group: 'Run',
    kind: kinds.integer({ min: 0 }),
    value: 42,
    meaning: 'The seed of every random draw: weights, batches, timesteps, noise, rollouts.',
  }),
  max_train_steps: option({
    group: 'Run',
    kind: kinds.integer({ min: 1 }),
    value: 1000,
    meaning: 'Optimizer steps in all, those before a resume included.',
  }),
  resume_from_checkpoint: option({
    group: 'Run',
    kind: kinds.orNull(kinds.text('"latest", or the path of a checkpoint folder'), 'start afresh'),
    value: null,
    meaning:
      'Continue from a checkpoint, bit for bit. `latest` takes the newest of output_dir, and starts afresh where there is none.',
  }),
  dataset: option({
    group: 'Data',
    kind: kinds.choice(datasetNames),
    value: 'mnist',
    meaning: 'The training data: the MNIST digits (28×28), or synthetic shapes (8×8) for quick trials.',
  }),
  train_batch_size: option({
    group: 'Data',
    kind: kinds.integer({ min: 1, max: 65_536 }),
    value: 64,
    meaning: 'Samples a step. Time and memory grow with it.',
  }),
  caption_dropout_probability: option({
    group: 'Data',
    kind: kinds.number({ min: 0, max: 1 }),
    value: 0.1,
    meaning:
      'The share of samples that are trained without their class, which classifier-free guidance needs.',
  }),
} as const
