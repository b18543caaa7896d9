import { sub } from '../onnx/index.js'
import { decoupledDecay } from './decay.js'
import { type MomentOptions, moments } from './moments.js'
import { type Optimizer, perParameter } from './optimizer.js'

export type AdamWOptions = MomentOptions & {
  /** Default 1e-2; decoupled: parameters shrink by learningRate · weightDecay a step. */
  readonly weightDecay?: number
}

/**
 * AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2), in the form and with the defaults of PyTorch:
 *
 *     m' = β1·m + (1 − β1)·g        v' = β2·v + (1 − β2)·g²
 *     p' = p·(1 − lr·decay) − lr/(1 − β1ᵗ) · m' / (√v'/√(1 − β2ᵗ) + ε)
 *
 * @example
 * const optimizer = adamw({ learningRate: () => 1e-3 })
 */
export const adamw = ({ weightDecay = 1e-2, ...options }: AdamWOptions): Optimizer => {
  const { slots, scalars, step } = moments(options)
  return perParameter({
    elementwise: true,
    slots,
    scalars: (taken) => {
      const own = scalars(taken)
      return { ...own, retained: 1 - own.learning_rate * weightDecay }
    },
    update: (update) => {
      const { change, slots: next } = step(update.gradient, update)
      return { parameter: sub(decoupledDecay(update, weightDecay), change), slots: next }
    },
  })
}
