import { type Key, normal, uniforms } from '../random/index.js'
import { size } from '../types/index.js'

/** The initial values of a weight with these dimensions. The key belongs to this weight alone. */
export type Initialiser = (dims: ReadonlyArray<number>, key: Key) => Float32Array

/**
 * Every element the same.
 *
 * @example
 * const ones = filled(1)
 */
export const filled =
  (value: number): Initialiser =>
  (dims) =>
    new Float32Array(size(dims)).fill(value)

/**
 * All zeros: what a layer begins with that should first do nothing (adaLN-Zero; the last convolution of a residual block).
 *
 * @example
 * const bias = zeros([128], { seed: 1, purpose: 'initialisation', step: 0, sample: 0 })
 */
export const zeros: Initialiser = (dims) =>
  // Memory comes as zeros, and is not touched.
  new Float32Array(size(dims))

/**
 * Independent normal values of mean 0.
 *
 * @param deviation standard deviation, ≥ 0
 * @example
 * const embedding = gaussian(0.02)
 */
export const gaussian =
  (deviation: number): Initialiser =>
  (dims, key) =>
    normal(key, new Float32Array(size(dims))).map((x) => deviation * x)

/** How many inputs one output reads, and how many outputs one input feeds: weights are [in, out] or [out, in, …kernel]. */
const fans = (dims: ReadonlyArray<number>): readonly [number, number] => {
  const [first = 1, second = 1, ...kernel] = dims
  const area = size(kernel)
  return dims.length > 2 ? [second * area, first * area] : [first, second]
}

const uniform =
  (bound: (fanIn: number, fanOut: number) => number): Initialiser =>
  (dims, key) => {
    const b = bound(...fans(dims))
    return uniforms(key, new Float32Array(size(dims)), -b, b)
  }

/**
 * Uniform on ±√(6 / (fan_in + fan_out)): Glorot & Bengio 2010, equation 16. For weights [in, out] and kernels [out, in, …].
 *
 * @example
 * const weight = xavierUniform([64, 256], { seed: 1, purpose: 'initialisation', step: 0, sample: 0 })
 */
export const xavierUniform: Initialiser = uniform((fanIn, fanOut) => Math.sqrt(6 / (fanIn + fanOut)))
