import { solverNames } from '../../solver/registry.js'
import { kinds } from '../kind.js'
import { derivedOption, option } from '../option.js'

/** What a run leaves behind as it goes: checkpoints and sample grids. */
export const keeping = {
  checkpoint_step_interval: option({
    group: 'Checkpoints',
    kind: kinds.integer({ min: 0 }),
    value: 500,
    aliases: ['checkpointing_steps'],
    meaning: 'Steps between checkpoints; 0 saves only at the end. The last step is always saved.',
  }),
  checkpoints_total_limit: option({
    group: 'Checkpoints',
    kind: kinds.integer({ min: 1 }),
    value: 5,
    meaning: 'How many checkpoints are kept; older ones are deleted.',
  }),
  validation_step_interval: option({
    group: 'Validation',
    kind: kinds.integer({ min: 0 }),
    value: 250,
    aliases: ['validation_steps'],
    meaning:
      'Steps between sample grids; 0 draws only one at the end. A grid costs validation_num_images × validation_num_inference_steps evaluations, twice that with guidance.',
  }),
  validation_num_images: option({
    group: 'Validation',
    kind: kinds.integer({ min: 1, max: 4096 }),
    value: 40,
    meaning: 'Samples in a grid; their classes go round.',
  }),
  validation_num_inference_steps: option({
    group: 'Validation',
    kind: kinds.integer({ min: 1, max: 1000 }),
    value: 20,
    meaning: 'Solver steps from noise to data.',
  }),
  validation_sampler: option({
    group: 'Validation',
    kind: kinds.choice(solverNames),
    value: 'unipc',
    aliases: ['validation_noise_scheduler'],
    meaning: 'The solver of the sample grids (order 2 where it has a choice).',
  }),
  validation_guidance: derivedOption({
    group: 'Validation',
    kind: kinds.number({ min: 0 }),
    text: '2, or 1 when caption_dropout_probability is 0',
    from: ({ caption_dropout_probability }) => (caption_dropout_probability === 0 ? 1 : 2),
    meaning:
      'Classifier-free guidance: 1 is none, more pushes towards the class. Other values than 1 double the cost.',
  }),
  validation_seed: derivedOption({
    group: 'Validation',
    kind: kinds.integer({ min: 0 }),
    text: 'the value of seed',
    from: ({ seed }) => seed,
    meaning: 'The seed of the noise that sample grids start from: the same for every grid of a run.',
  }),
} as const
