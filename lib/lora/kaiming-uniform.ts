import type { Initialiser } from '../model/index.js'
import { uniform } from '../random/index.js'
import { size } from '../types/index.js'

/**
 * Uniform on ±1/√fan_in for weights [out, in, …kernel]: He et al. 2015 (arXiv 1502.01852) with the slope a = √5, so that
 * the bound √(6 / ((1 + a²)·fan_in)) is 1/√fan_in. What PyTorch gives its layers and PEFT an adapter's A.
 *
 * @example
 * const a = kaimingUniform([8, 128], { seed: 1, purpose: 'initialisation', step: 0, sample: 0 })
 */
export const kaimingUniform: Initialiser = (dims, key) => {
  const bound = 1 / Math.sqrt(size(dims.slice(1)))
  return Float32Array.from({ length: size(dims) }, (_, i) => bound * (2 * uniform(key, i) - 1))
}
