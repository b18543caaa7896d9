import type { ElementType } from '../../types/index.js'
import { single } from '../operator.js'
import type { Value } from '../value.js'

/** One function for every operator of one tensor; element by element, the result has the input's shape. */

/**
 * |x|. ONNX Abs.
 *
 * @example
 * const y = abs(input('x', 'float32', ['batch', 4]))
 */
export const abs = (x: Value): Value => single('Abs', [x], {})

/**
 * arccos(x), in radians. ONNX Acos.
 *
 * @example
 * const y = acos(input('x', 'float32', ['batch', 4]))
 */
export const acos = (x: Value): Value => single('Acos', [x], {})

/**
 * arcsin(x), in radians. ONNX Asin.
 *
 * @example
 * const y = asin(input('x', 'float32', ['batch', 4]))
 */
export const asin = (x: Value): Value => single('Asin', [x], {})

/**
 * arctan(x), in radians. ONNX Atan.
 *
 * @example
 * const y = atan(input('x', 'float32', ['batch', 4]))
 */
export const atan = (x: Value): Value => single('Atan', [x], {})

/**
 * The smallest integer ≥ x. ONNX Ceil.
 *
 * @example
 * const y = ceil(input('x', 'float32', ['batch', 4]))
 */
export const ceil = (x: Value): Value => single('Ceil', [x], {})

/**
 * cos(x), x in radians. ONNX Cos.
 *
 * @example
 * const y = cos(input('x', 'float32', ['batch', 4]))
 */
export const cos = (x: Value): Value => single('Cos', [x], {})

/**
 * (eˣ + e⁻ˣ) / 2. ONNX Cosh.
 *
 * @example
 * const y = cosh(input('x', 'float32', ['batch', 4]))
 */
export const cosh = (x: Value): Value => single('Cosh', [x], {})

/**
 * The error function 2/√π ∫₀ˣ exp(−t²) dt. ONNX Erf.
 *
 * @example
 * const y = erf(input('x', 'float32', ['batch', 4]))
 */
export const erf = (x: Value): Value => single('Erf', [x], {})

/**
 * eˣ. ONNX Exp.
 *
 * @example
 * const y = exp(input('x', 'float32', ['batch', 4]))
 */
export const exp = (x: Value): Value => single('Exp', [x], {})

/**
 * The largest integer ≤ x. ONNX Floor.
 *
 * @example
 * const y = floor(input('x', 'float32', ['batch', 4]))
 */
export const floor = (x: Value): Value => single('Floor', [x], {})

/**
 * x · min(max(x/6 + 1/2, 0), 1). ONNX HardSwish.
 *
 * @example
 * const y = hardSwish(input('x', 'float32', ['batch', 4]))
 */
export const hardSwish = (x: Value): Value => single('HardSwish', [x], {})

/**
 * x itself, under another name: useful as an output. ONNX Identity.
 *
 * @example
 * const y = identity(input('x', 'float32', ['batch', 4]))
 */
export const identity = (x: Value): Value => single('Identity', [x], {})

/**
 * Whether x is not a number; bool. ONNX IsNaN.
 *
 * @example
 * const y = isNaN(input('x', 'float32', ['batch', 4]))
 */
export const isNaN = (x: Value): Value => single('IsNaN', [x], {})

/**
 * The natural logarithm. ONNX Log.
 *
 * @example
 * const y = log(input('x', 'float32', ['batch', 4]))
 */
export const log = (x: Value): Value => single('Log', [x], {})

/**
 * x · tanh(softplus(x)). ONNX Mish.
 *
 * @example
 * const y = mish(input('x', 'float32', ['batch', 4]))
 */
export const mish = (x: Value): Value => single('Mish', [x], {})

/**
 * −x. ONNX Neg.
 *
 * @example
 * const y = neg(input('x', 'float32', ['batch', 4]))
 */
export const neg = (x: Value): Value => single('Neg', [x], {})

/**
 * Logical negation of a bool. ONNX Not.
 *
 * @example
 * const odd = not(equal(input('x', 'float32', [4]), 0))
 */
export const not = (x: Value): Value => single('Not', [x], {})

/**
 * 1/x. ONNX Reciprocal.
 *
 * @example
 * const y = reciprocal(input('x', 'float32', ['batch', 4]))
 */
export const reciprocal = (x: Value): Value => single('Reciprocal', [x], {})

/**
 * max(x, 0). ONNX Relu.
 *
 * @example
 * const y = relu(input('x', 'float32', ['batch', 4]))
 */
export const relu = (x: Value): Value => single('Relu', [x], {})

/**
 * The nearest integer, ties to the even one. ONNX Round.
 *
 * @example
 * const y = round(input('x', 'float32', ['batch', 4]))
 */
export const round = (x: Value): Value => single('Round', [x], {})

/**
 * 1 / (1 + e⁻ˣ). ONNX Sigmoid.
 *
 * @example
 * const y = sigmoid(input('x', 'float32', ['batch', 4]))
 */
export const sigmoid = (x: Value): Value => single('Sigmoid', [x], {})

/**
 * −1, 0 or 1. ONNX Sign.
 *
 * @example
 * const y = sign(input('x', 'float32', ['batch', 4]))
 */
export const sign = (x: Value): Value => single('Sign', [x], {})

/**
 * sin(x), x in radians. ONNX Sin.
 *
 * @example
 * const y = sin(input('x', 'float32', ['batch', 4]))
 */
export const sin = (x: Value): Value => single('Sin', [x], {})

/**
 * (eˣ − e⁻ˣ) / 2. ONNX Sinh.
 *
 * @example
 * const y = sinh(input('x', 'float32', ['batch', 4]))
 */
export const sinh = (x: Value): Value => single('Sinh', [x], {})

/**
 * log(1 + eˣ). ONNX Softplus.
 *
 * @example
 * const y = softplus(input('x', 'float32', ['batch', 4]))
 */
export const softplus = (x: Value): Value => single('Softplus', [x], {})

/**
 * x / (1 + |x|). ONNX Softsign.
 *
 * @example
 * const y = softsign(input('x', 'float32', ['batch', 4]))
 */
export const softsign = (x: Value): Value => single('Softsign', [x], {})

/**
 * √x. ONNX Sqrt.
 *
 * @example
 * const y = sqrt(input('x', 'float32', ['batch', 4]))
 */
export const sqrt = (x: Value): Value => single('Sqrt', [x], {})

/**
 * x, through which no gradient flows back. deriva's own marker: an exported graph has x in its place.
 *
 * @example
 * const y = stopGradient(input('x', 'float32', ['batch', 4]))
 */
export const stopGradient = (x: Value): Value => single('StopGradient', [x], {})

/**
 * tan(x), x in radians. ONNX Tan.
 *
 * @example
 * const y = tan(input('x', 'float32', ['batch', 4]))
 */
export const tan = (x: Value): Value => single('Tan', [x], {})

/**
 * (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ). ONNX Tanh.
 *
 * @example
 * const y = tanh(input('x', 'float32', ['batch', 4]))
 */
export const tanh = (x: Value): Value => single('Tanh', [x], {})

/**
 * x with another element type; floats are cut towards zero where they become integers. ONNX Cast.
 *
 * @example
 * const time = cast(input('timestep', 'int64', ['batch']), 'float32')
 */
export const cast = (x: Value, type: ElementType): Value => single('Cast', [x], { to: type })
