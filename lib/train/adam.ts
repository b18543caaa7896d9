import { sub } from '../onnx/index.js'
import { coupledDecay } from './decay.js'
import { type MomentOptions, moments } from './moments.js'
import { type Optimizer, perParameter } from './optimizer.js'

export type AdamOptions = MomentOptions & {
  /** Default 0; coupled: weightDecay · parameter is added to the gradient, and so passes through the moments. */
  readonly weightDecay?: number
}

/**
 * Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1) with L2 regularisation, as PyTorch's Adam; not to be confused with AdamW,
 * whose decay does not meet the moments:
 *
 *     g' = g + decay·p        m' = β1·m + (1 − β1)·g'        v' = β2·v + (1 − β2)·g'²
 *     p' = p − lr/(1 − β1ᵗ) · m' / (√v'/√(1 − β2ᵗ) + ε)
 *
 * @example
 * const optimizer = adam({ learningRate: () => 1e-3 })
 */
export const adam = ({ weightDecay = 0, ...options }: AdamOptions): Optimizer => {
  const { slots, scalars, step } = moments(options)
  return perParameter({
    elementwise: true,
    slots,
    scalars,
    update: (update) => {
      const { change, slots: next } = step(coupledDecay(update, weightDecay), update)
      return { parameter: sub(update.parameter, change), slots: next }
    },
  })
}
