import { add, mul, sub } from '../onnx/index.js'
import { coupledDecay } from './decay.js'
import { type Optimizer, perParameter } from './optimizer.js'
import type { Schedule } from './schedule.js'

export type SgdOptions = {
  readonly learningRate: Schedule
  /** How much of the last step's velocity is kept, 0 … 1. Default 0, which remembers nothing. */
  readonly momentum?: number
  /** Looks one step of momentum ahead. Default false; of no effect without momentum. */
  readonly nesterov?: boolean
  /** Default 0; coupled: weightDecay · parameter is added to the gradient. */
  readonly weightDecay?: number
}

/**
 * Stochastic gradient descent with momentum (Polyak 1964), in the form of PyTorch, where the learning rate multiplies the velocity
 * and is no part of it (Sutskever et al. 2013 put it inside; the two differ where the learning rate changes):
 *
 *     g' = g + decay·p        u' = μ·u + g'        p' = p − lr·u',   with Nesterov p' = p − lr·(g' + μ·u')
 *
 * @example
 * const optimizer = sgd({ learningRate: () => 0.1, momentum: 0.9, nesterov: true })
 */
export const sgd = ({
  learningRate,
  momentum = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions): Optimizer =>
  perParameter({
    elementwise: true,
    slots: (dims) => (momentum === 0 ? {} : { velocity: dims }),
    scalars: (step) => ({ learning_rate: learningRate(step) }),
    update: (update) => {
      const { parameter, slot, scalar } = update
      const gradient = coupledDecay(update, weightDecay)
      if (momentum === 0)
        return { parameter: sub(parameter, mul(scalar('learning_rate'), gradient)), slots: {} }
      const velocity = add(mul(momentum, slot('velocity')), gradient)
      const direction = nesterov ? add(gradient, mul(momentum, velocity)) : velocity
      return { parameter: sub(parameter, mul(scalar('learning_rate'), direction)), slots: { velocity } }
    },
  })
