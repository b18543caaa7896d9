import { type ScheduleName, schedules } from '../../train/schedule.js'
import { kinds } from '../kind.js'
import { derivedOption, option } from '../option.js'

/** The names, in the order of the table (whose keys are exactly these: it is a constant). */
const scheduleNames = Object.keys(schedules) as ReadonlyArray<ScheduleName>

/** How steps are made: the learning rate over time, parts of a batch, clipping, and the moving average of the weights. */
export const optimisation = {
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
  lr_num_cycles: derivedOption<number | null>({
    group: 'Optimisation',
    kind: kinds.orNull(kinds.integer({ min: 1 }), 'other schedules'),
    text: '1 for cosine_with_restarts; null for others',
    from: ({ lr_scheduler: name }) => (name === 'cosine_with_restarts' ? 1 : null),
    meaning: 'How often the learning rate falls from the peak to 0.',
  }),
  lr_power: derivedOption<number | null>({
    group: 'Optimisation',
    kind: kinds.orNull(kinds.number({ above: 0 }), 'other schedules'),
    text: '1 for polynomial; null for others',
    from: ({ lr_scheduler: name }) => (name === 'polynomial' ? 1 : null),
    meaning: 'The exponent of the fall; 1 is a straight line.',
  }),
  lr_end: derivedOption<number | null>({
    group: 'Optimisation',
    kind: kinds.orNull(kinds.number({ min: 0 }), 'other schedules'),
    text: '1e-7 for polynomial; null for others',
    from: ({ lr_scheduler: name }) => (name === 'polynomial' ? 1e-7 : null),
    meaning: 'The learning rate at the end.',
  }),
  gradient_accumulation_steps: option({
    group: 'Optimisation',
    kind: kinds.integer({ min: 1, max: 4096 }),
    value: 1,
    meaning:
      'Batches of train_batch_size whose gradients make one step together: the step of a batch as many times as large, in the memory of one.',
  }),
  mixed_precision: option({
    group: 'Optimisation',
    kind: kinds.choice(['no', 'fp16', 'bf16']),
    value: 'no',
    meaning:
      'Compute matrix products and activations in half precision; weights, sums, normalisations and the optimizer stay float32, and fp16 scales the loss. bf16 needs a GPU.',
  }),
  gradient_checkpointing: option({
    group: 'Optimisation',
    kind: kinds.boolean,
    value: false,
    meaning:
      'Keep few activations and compute the others again in the backward pass: less memory, for at most one more forward pass.',
  }),
  gradient_checkpointing_segments: option<number | null>({
    group: 'Optimisation',
    kind: kinds.orNull(kinds.integer({ min: 2, max: 1000 }), 'as many as save most'),
    value: null,
    meaning: 'The most segments that the model is cut into for that.',
  }),
  grad_clip_method: option({
    group: 'Optimisation',
    kind: kinds.choice(['norm', 'value']),
    value: 'norm',
    meaning:
      'How gradients are held at max_grad_norm: all scaled together by their length, which keeps their direction, or each element by itself.',
  }),
  max_grad_norm: option({
    group: 'Optimisation',
    kind: kinds.number({ min: 0 }),
    value: 1,
    meaning:
      'Gradients longer than this are scaled to this length (grad_clip_method value: elements beyond it are cut to it); 0 leaves them alone.',
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
