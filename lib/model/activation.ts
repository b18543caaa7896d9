import { mul, sigmoid, type Value } from '../onnx/index.js'

/**
 * SiLU, x·sigmoid(x) (Elfwing et al. 2018, arXiv 1702.03118): the activation of DDPM's UNet and of DiT's conditioning.
 *
 * @example
 * const y = silu(input('x', 'float32', ['batch', 64]))
 */
export const silu = (x: Value): Value => mul(x, sigmoid(x))
