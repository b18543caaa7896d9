import { add, div, mul, sqrt, sub } from '../onnx/index.js'
import type { Optimizer } from './optimizer.js'
import type { Schedule } from './schedule.js'

export type AdamWOptions = {
  readonly learningRate: Schedule
  /** Default 0.9. */
  readonly beta1?: number
  /** Default 0.999. */
  readonly beta2?: number
  /** Default 1e-8. */
  readonly epsilon?: number
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
export const adamw = ({
  learningRate,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 1e-2,
}: AdamWOptions): Optimizer => ({
  slots: ['first_moment', 'second_moment'],
  scalars: (step) => {
    const rate = learningRate(step)
    return {
      learning_rate: rate,
      retained: 1 - rate * weightDecay,
      step_size: rate / (1 - beta1 ** (step + 1)),
      second_moment_correction: 1 / Math.sqrt(1 - beta2 ** (step + 1)),
    }
  },
  update: ({ parameter, gradient, slot, scalar, decays }) => {
    const m = add(mul(beta1, slot('first_moment')), mul(1 - beta1, gradient))
    const v = add(mul(beta2, slot('second_moment')), mul(1 - beta2, mul(gradient, gradient)))
    const root = add(mul(sqrt(v), scalar('second_moment_correction')), epsilon)
    const retained = decays && weightDecay !== 0 ? mul(parameter, scalar('retained')) : parameter
    return {
      parameter: sub(retained, div(mul(m, scalar('step_size')), root)),
      slots: { first_moment: m, second_moment: v },
    }
  },
})
