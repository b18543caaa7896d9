import { mul, sub } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { type Loss, mean, type Pointwise } from './loss.js'

/**
 * (prediction − target)², elementwise.
 *
 * @example
 * const loss = mean('mse', squaredError)
 */
export const squaredError: Pointwise<Parameterisation> = ({ prediction, target }) => {
  const difference = sub(prediction, target)
  return mul(difference, difference)
}

/**
 * Mean squared error: the plain diffusion and flow-matching objective.
 *
 * @example
 * const loss: Loss<'epsilon'> = mse
 */
export const mse: Loss<Parameterisation> = mean('mse', squaredError)
