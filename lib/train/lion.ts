import { add, mul, sign, sub } from '../onnx/index.js'
import { decoupledDecay } from './decay.js'
import { type Optimizer, perParameter } from './optimizer.js'
import type { Schedule } from './schedule.js'

export type LionOptions = {
  /** Every weight moves by this much at every step; usually 3 to 10 times smaller than AdamW's. */
  readonly learningRate: Schedule
  /** The share of the momentum in what the sign is taken of, 0 … 1. Default 0.9. */
  readonly beta1?: number
  /** Decay of the momentum, 0 … 1. Default 0.99. */
  readonly beta2?: number
  /** Default 0; decoupled: parameters shrink by learningRate · weightDecay a step. Usually 3 to 10 times larger than AdamW's. */
  readonly weightDecay?: number
}

/**
 * Lion (Chen et al. 2023, arXiv 2302.06675, algorithm 2; the sign of 0 is 0):
 *
 *     p' = p·(1 − lr·decay) − lr·sign(β1·m + (1 − β1)·g)        m' = β2·m + (1 − β2)·g
 *
 * @example
 * const optimizer = lion({ learningRate: () => 1e-4, weightDecay: 0.1 })
 */
export const lion = ({ learningRate, beta1 = 0.9, beta2 = 0.99, weightDecay = 0 }: LionOptions): Optimizer =>
  perParameter({
    elementwise: true,
    slots: (dims) => ({ momentum: dims }),
    scalars: (step) => {
      const rate = learningRate(step)
      return { learning_rate: rate, retained: 1 - rate * weightDecay }
    },
    update: (update) => {
      const { gradient, slot, scalar } = update
      const momentum = slot('momentum')
      const direction = sign(add(mul(beta1, momentum), mul(1 - beta1, gradient)))
      return {
        parameter: sub(decoupledDecay(update, weightDecay), mul(scalar('learning_rate'), direction)),
        slots: { momentum: add(mul(beta2, momentum), mul(1 - beta2, gradient)) },
      }
    },
  })
