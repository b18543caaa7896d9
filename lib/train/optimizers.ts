import { adafactor } from './adafactor.js'
import { adam } from './adam.js'
import { adamw } from './adamw.js'
import { lion } from './lion.js'
import type { Optimizer } from './optimizer.js'
import { prodigy } from './prodigy.js'
import type { Schedule } from './schedule.js'
import { sgd } from './sgd.js'

export type OptimizerEntry = {
  /** One line for people who choose. */
  readonly summary: string
  /** Takes more options than this one, with defaults: the constructor's own. */
  readonly make: (options: { readonly learningRate: Schedule }) => Optimizer
}

/** The optimizers by the names that `optimizer` takes. */
export const optimizers = {
  adamw: {
    summary: 'AdamW: Adam with decoupled weight decay; two moments a weight. The usual choice.',
    make: adamw,
  },
  adam: {
    summary: 'Adam with L2 regularisation: weight decay passes through the moments.',
    make: adam,
  },
  sgd: {
    summary:
      'Gradient descent with optional (Nesterov) momentum; remembers one velocity a weight, or nothing.',
    make: sgd,
  },
  lion: {
    summary:
      'Lion: steps of one length in the direction of a sign; one momentum a weight. Wants a learning rate 3 to 10 times smaller than AdamW.',
    make: lion,
  },
  adafactor: {
    summary: 'Adafactor: the second moment of a matrix as one row and one column; next to no memory.',
    make: adafactor,
  },
  prodigy: {
    summary: 'Prodigy: finds its step size by itself; learning rate 1. Four tensors a weight.',
    make: prodigy,
  },
} as const satisfies Record<string, OptimizerEntry>

export type OptimizerName = keyof typeof optimizers
