import { add, mul, type Value } from '../onnx/index.js'
import type { Update } from './optimizer.js'

/**
 * Decoupled weight decay: the parameter shrunk by learning rate × decay (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2).
 * Reads the scalar `retained`, which is 1 − learning rate × decay.
 *
 * @example
 * declare const update: Update
 * const shrunk = decoupledDecay(update, 1e-2)
 */
export const decoupledDecay = (
  { parameter, scalar, decays }: Pick<Update, 'parameter' | 'scalar' | 'decays'>,
  weightDecay: number,
): Value => (decays && weightDecay !== 0 ? mul(parameter, scalar('retained')) : parameter)

/**
 * Coupled weight decay: the gradient of the loss plus decay/2 · ‖parameter‖².
 *
 * @example
 * declare const update: Update
 * const gradient = coupledDecay(update, 1e-4)
 */
export const coupledDecay = (
  { parameter, gradient, decays }: Pick<Update, 'parameter' | 'gradient' | 'decays'>,
  weightDecay: number,
): Value => (decays && weightDecay !== 0 ? add(gradient, mul(weightDecay, parameter)) : gradient)
