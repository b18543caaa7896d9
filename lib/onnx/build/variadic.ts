import { isFloat } from '../element.js'
import { single } from '../operator.js'
import type { Value } from '../value.js'
import { pair, scalar, type Numeric } from './operand.js'

/**
 * One function for every operator of several tensors, element by element. Shapes are broadcast: aligned at their last axes, where 1
 * stretches. A number stands for a scalar of the other operand's element type.
 */

/**
 * a + b. ONNX Add.
 *
 * @example
 * const y = add(input('x', 'float32', ['batch', 4]), 2)
 */
export const add = (a: Numeric, b: Numeric): Value => single('Add', pair(a, b), {})

/**
 * a − b. ONNX Sub.
 *
 * @example
 * const y = sub(input('x', 'float32', ['batch', 4]), 2)
 */
export const sub = (a: Numeric, b: Numeric): Value => single('Sub', pair(a, b), {})

/**
 * a · b. ONNX Mul.
 *
 * @example
 * const y = mul(input('x', 'float32', ['batch', 4]), 2)
 */
export const mul = (a: Numeric, b: Numeric): Value => single('Mul', pair(a, b), {})

/**
 * a / b; integers are cut towards zero. ONNX Div.
 *
 * @example
 * const y = div(input('x', 'float32', ['batch', 4]), 2)
 */
export const div = (a: Numeric, b: Numeric): Value => single('Div', pair(a, b), {})

/**
 * a − b·⌊a/b⌋ for integers, the remainder with the sign of a for floats. ONNX Mod.
 *
 * @example
 * const y = mod(input('x', 'float32', ['batch', 4]), 2)
 */
export const mod = (a: Numeric, b: Numeric): Value => {
  const [x, y] = pair(a, b)
  return single('Mod', [x, y], { fmod: isFloat(x.type) })
}

/**
 * x for x ≥ 0, else slope·x; slope broadcasts to x. ONNX PRelu.
 *
 * @example
 * const y = prelu(input('x', 'float32', ['batch', 4]), 2)
 */
export const prelu = (a: Numeric, b: Numeric): Value => single('PRelu', pair(a, b), {})

/**
 * Whether a = b; bool. ONNX Equal.
 *
 * @example
 * const y = equal(input('x', 'float32', ['batch', 4]), 2)
 */
export const equal = (a: Numeric, b: Numeric): Value => single('Equal', pair(a, b), {})

/**
 * Whether a < b; bool. ONNX Less.
 *
 * @example
 * const y = less(input('x', 'float32', ['batch', 4]), 2)
 */
export const less = (a: Numeric, b: Numeric): Value => single('Less', pair(a, b), {})

/**
 * Whether a ≤ b; bool. ONNX LessOrEqual.
 *
 * @example
 * const y = lessOrEqual(input('x', 'float32', ['batch', 4]), 2)
 */
export const lessOrEqual = (a: Numeric, b: Numeric): Value => single('LessOrEqual', pair(a, b), {})

/**
 * Whether a > b; bool. ONNX Greater.
 *
 * @example
 * const y = greater(input('x', 'float32', ['batch', 4]), 2)
 */
export const greater = (a: Numeric, b: Numeric): Value => single('Greater', pair(a, b), {})

/**
 * Whether a ≥ b; bool. ONNX GreaterOrEqual.
 *
 * @example
 * const y = greaterOrEqual(input('x', 'float32', ['batch', 4]), 2)
 */
export const greaterOrEqual = (a: Numeric, b: Numeric): Value => single('GreaterOrEqual', pair(a, b), {})

/**
 * aᵇ, of a's element type; the exponent may have another one. A number as exponent is a scalar of the base's type. ONNX Pow.
 *
 * @example
 * const square = pow(input('x', 'float32', ['batch', 4]), 2)
 */
export const pow = (a: Numeric, b: Numeric): Value => single('Pow', pair(a, b), {})

/**
 * Both of two bools. ONNX And.
 *
 * @example
 * const mask = and(input('a', 'bool', ['batch']), input('b', 'bool', ['batch']))
 */
export const and = (a: Value, b: Value): Value => single('And', [a, b], {})

/**
 * Either or both of two bools. ONNX Or.
 *
 * @example
 * const mask = or(input('a', 'bool', ['batch']), input('b', 'bool', ['batch']))
 */
export const or = (a: Value, b: Value): Value => single('Or', [a, b], {})

/**
 * Exactly one of two bools. ONNX Xor.
 *
 * @example
 * const mask = xor(input('a', 'bool', ['batch']), input('b', 'bool', ['batch']))
 */
export const xor = (a: Value, b: Value): Value => single('Xor', [a, b], {})

/**
 * The largest of two tensors' elements. ONNX Max.
 *
 * @example
 * const y = max(input('x', 'float32', ['batch', 4]), 0)
 */
export const max = (a: Numeric, b: Numeric): Value => single('Max', pair(a, b), {})

/**
 * The smallest of two tensors' elements. ONNX Min.
 *
 * @example
 * const y = min(input('x', 'float32', ['batch', 4]), 0)
 */
export const min = (a: Numeric, b: Numeric): Value => single('Min', pair(a, b), {})

/**
 * The sum of any number of tensors, element by element. ONNX Sum.
 *
 * @example
 * const y = sum([input('a', 'float32', [4]), input('b', 'float32', [4]), input('c', 'float32', [1])])
 */
export const sum = (values: ReadonlyArray<Value>): Value => single('Sum', values, {})

/**
 * The mean of any number of tensors, element by element. ONNX Mean.
 *
 * @example
 * const y = mean([input('a', 'float32', [4]), input('b', 'float32', [4]), input('c', 'float32', [1])])
 */
export const mean = (values: ReadonlyArray<Value>): Value => single('Mean', values, {})

/**
 * x, or the nearer bound where it is outside low … high; a bound may be left out. ONNX Clip.
 *
 * @example
 * const pixels = clip(input('x', 'float32', ['batch', 784]), -1, 1)
 */
export const clip = (x: Value, low?: Numeric, high?: Numeric): Value =>
  single('Clip', [x, bound(x, low), bound(x, high)], {})

const bound = (x: Value, b: Numeric | undefined): Value | undefined =>
  typeof b === 'number' ? scalar(b, x.type) : b

/**
 * a where the condition holds, b elsewhere; all three broadcast. ONNX Where.
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const positive = where(greater(x, 0), x, 0)
 */
export const where = (condition: Value, a: Numeric, b: Numeric): Value =>
  single('Where', [condition, ...pair(a, b)], {})
