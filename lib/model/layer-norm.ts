import { add, constant, layerNormalization, mul, type Value } from '../onnx/index.js'
import { float32 } from '../types/index.js'
import { axis } from './axis.js'

/**
 * Zero mean and unit variance over the last axis, without a learnt scale or offset (Ba et al. 2016, arXiv 1607.06450).
 *
 * @example
 * const x = input('tokens', 'float32', ['batch', 49, 128])
 * const y = layerNorm(x, 1e-6)
 */
export const layerNorm = (x: Value, epsilon = 1e-6): Value => {
  const width = axis(x, -1)
  const ones = constant(float32([width], new Float32Array(width).fill(1)))
  return layerNormalization(x, ones, undefined, { axis: -1, epsilon })
}

/**
 * x·(1 + scale) + shift: how a normalised layer is told the time and the class (adaLN; FiLM). With zeros it changes nothing.
 *
 * @param scale broadcasts to x, as does `shift`
 * @example
 * const x = input('tokens', 'float32', ['batch', 49, 128])
 * const scale = input('scale', 'float32', ['batch', 1, 128])
 * const shift = input('shift', 'float32', ['batch', 1, 128])
 * const y = modulate(layerNorm(x), scale, shift)
 */
export const modulate = (x: Value, scale: Value, shift: Value): Value => add(mul(x, add(1, scale)), shift)
