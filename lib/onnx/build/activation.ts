import type { GivenAttributes } from '../operators/index.js'
import { single } from '../operator.js'
import type { Value } from '../value.js'

/** Functions of one tensor with parameters, element by element; the result has the input's shape. */

/**
 * x for x ≥ 0, else alpha·(eˣ − 1). ONNX Elu.
 *
 * @example
 * const y = elu(input('x', 'float32', ['batch', 4]), { alpha: 1 })
 */
export const elu = (x: Value, options: GivenAttributes<'Elu'> = {}): Value => single('Elu', [x], options)

/**
 * x·Φ(x), Φ the normal distribution function; `approximate: 'tanh'` replaces it by tanh(√(2/π)(x + 0.044715x³)) (Hendrycks & Gimpel 2016, arXiv 1606.08415). ONNX Gelu.
 *
 * @example
 * const y = gelu(input('x', 'float32', ['batch', 4]), { approximate: 'tanh' })
 */
export const gelu = (x: Value, options: GivenAttributes<'Gelu'> = {}): Value => single('Gelu', [x], options)

/**
 * min(max(alpha·x + beta, 0), 1). ONNX HardSigmoid.
 *
 * @example
 * const y = hardSigmoid(input('x', 'float32', ['batch', 4]), { alpha: 1 / 6 })
 */
export const hardSigmoid = (x: Value, options: GivenAttributes<'HardSigmoid'> = {}): Value =>
  single('HardSigmoid', [x], options)

/**
 * x for x ≥ 0, else alpha·x. ONNX LeakyRelu.
 *
 * @example
 * const y = leakyRelu(input('x', 'float32', ['batch', 4]), { alpha: 0.2 })
 */
export const leakyRelu = (x: Value, options: GivenAttributes<'LeakyRelu'> = {}): Value =>
  single('LeakyRelu', [x], options)

/**
 * gamma·x for x > 0, else gamma·alpha·(eˣ − 1) (Klambauer et al. 2017, arXiv 1706.02515). ONNX Selu.
 *
 * @example
 * const y = selu(input('x', 'float32', ['batch', 4]))
 */
export const selu = (x: Value, options: GivenAttributes<'Selu'> = {}): Value => single('Selu', [x], options)
