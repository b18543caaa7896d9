import { filled } from '../element.js'
import { int64, type ElementType } from '../../types/index.js'
import { constant, type Value } from '../value.js'

/** A value, or a number that becomes a scalar constant of the other operand's element type. */
export type Numeric = Value | number

/**
 * A scalar constant.
 *
 * @throws RangeError where an integer type cannot hold the number
 *
 * @example
 * const half = scalar(0.5)
 */
export const scalar = (x: number, type: ElementType = 'float32'): Value => constant(filled(type, [], x))

/**
 * A constant vector of int64: axes, sizes and other settings.
 *
 * @example
 * const axes = integersOf([1, 2])
 */
export const integersOf = (xs: ReadonlyArray<number>): Value => constant(int64([xs.length], xs))

/**
 * Two operands as values of one element type.
 *
 * @example
 * const [x, two] = pair(input('x', 'float16', ['batch', 4]), 2)
 */
export const pair = (a: Numeric, b: Numeric): readonly [Value, Value] => {
  if (typeof a !== 'number') return [a, typeof b === 'number' ? scalar(b, a.type) : b]
  return typeof b === 'number' ? [scalar(a), scalar(b)] : [scalar(a, b.type), b]
}
