import { concat, constant, cos, mul, reshape, sin, type Value } from '../onnx/index.js'
import { float32 } from '../types/index.js'

/**
 * Sinusoidal features of a timestep (Vaswani et al. 2017, section 3.5, as used by Ho et al. 2020 and, in this order, by DiT):
 *
 *     [cos(t·ω_0), …, cos(t·ω_{n−1}), sin(t·ω_0), …, sin(t·ω_{n−1})],   ω_i = 10000^(−i/n)
 *
 * Frequencies run from 1 to nearly 10⁻⁴ per unit, made for timesteps 0 … 1000.
 *
 * @param timestep [batch] float32
 * @param features how many: 2n, even
 * @returns [batch, features]
 * @example
 * const embedded = timestepEmbedding(input('timestep', 'float32', ['batch']), 64)
 */
export const timestepEmbedding = (timestep: Value, features: number): Value => {
  const n = features / 2
  const frequencies = constant(
    float32(
      [1, n],
      Array.from({ length: n }, (_, i) => 10_000 ** (-i / n)),
    ),
  )
  const angles = mul(reshape(timestep, [-1, 1]), frequencies)
  return concat([cos(angles), sin(angles)], 1)
}
