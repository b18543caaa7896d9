import { kinds } from '../kind.js'
import { option } from '../option.js'

/** For how long is trained, and where the run is kept. */
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
} as const
