import { type ScheduleName, schedules } from '../../train/schedule.js'
import { kinds } from '../kind.js'
import { option } from '../option.js'

/** The names, in the order of the table (whose keys are exactly these: it is a constant). */
const scheduleNames = Object.keys(schedules) as ReadonlyArray<ScheduleName>

/** AdamW, its learning rate, and the moving average of the weights. */
export const optimisation = {
  learning_rate: option({
    group: 'Optimisation',
    kind: kinds.number({ above: 0 }),
    value: 5e-4,
    meaning: 'The learning rate after warm-up.',
  }),
  lr_scheduler: option({
    group: 'Optimisation',
    kind: kinds.choice(scheduleNames),
    value: 'constant',
    meaning: 'How the learning rate goes on after warm-up: it stays, or falls until max_train_steps.',
  }),
  lr_warmup_steps: option({
    group: 'Optimisation',
    kind: kinds.integer({ min: 0 }),
    value: 0,
    meaning: 'Steps over which the learning rate rises linearly from 0.',
  }),
  adam_beta1: option({
    group: 'Optimisation',
    kind: kinds.number({ min: 0, below: 1 }),
    value: 0.9,
    aliases: ['optimizer_beta1'],
    meaning: 'Decay of the first moment, a step.',
  }),
  adam_beta2: option({
    group: 'Optimisation',
    kind: kinds.number({ min: 0, below: 1 }),
    value: 0.999,
    aliases: ['optimizer_beta2'],
    meaning: 'Decay of the second moment, a step.',
  }),
  adam_epsilon: option({
    group: 'Optimisation',
    kind: kinds.number({ above: 0 }),
    value: 1e-8,
    meaning: 'Added to the root of the second moment.',
  }),
  adam_weight_decay: option({
    group: 'Optimisation',
    kind: kinds.number({ min: 0 }),
    value: 0.01,
    aliases: ['weight_decay'],
    meaning: 'Decoupled weight decay (AdamW), multiplied by the learning rate.',
  }),
  max_grad_norm: option({
    group: 'Optimisation',
    kind: kinds.number({ min: 0 }),
    value: 1,
    meaning: 'Gradients longer than this are scaled to this length; 0 leaves them alone.',
  }),
  use_ema: option({
    group: 'Optimisation',
    kind: kinds.boolean,
    value: true,
    meaning:
      'Sample, and export model.onnx, with a moving average of the weights. Costs one copy of the weights.',
  }),
  ema_decay: option({
    group: 'Optimisation',
    kind: kinds.number({ min: 0, below: 1 }),
    value: 0.999,
    meaning: 'Decay of that average, a step.',
  }),
} as const
