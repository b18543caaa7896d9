import type { AttributesOf, OperatorName, Value } from '../onnx/index.js'
import type { Application } from './application.js'
import type { Cotangent } from './cotangent.js'

/**
 * The vector-Jacobian product of an operator: from d loss / d output to d loss / d input, for every input.
 *
 * - `dy` belongs to output 0 (zeros where the loss only depends on other outputs); all of them are `at.cotangents`.
 * - A gradient may still have the shape that broadcasting gave its input: the walker sums it.
 * - Undefined stands for zero.
 * - Rules are made of operators that have rules, so gradients can be differentiated again.
 */
export type Rule<O extends OperatorName> = (
  dy: Value,
  at: Application<O>,
) => ReadonlyArray<Cotangent | undefined>

/** Constant almost everywhere, like Floor and Greater, or not a function of floats: the gradient is zero. */
export type Flat = 'flat'

/** An operator without a rule; `refused` completes "it …". */
export type Refused = { readonly refused: string }

/** Something about every operator: leaving one out does not compile. */
export type Rules = { readonly [O in OperatorName]: Rule<O> | Flat | Refused }

/**
 * A rule for y = f(x).
 *
 * @example
 * const sine: Rule<'Sin'> = unaryRule((dy, x) => mul(dy, cos(x)))
 */
export const unaryRule =
  <O extends OperatorName>(
    vjp: (dy: Value, x: Value, y: Value, attributes: AttributesOf<O>) => Value,
  ): Rule<O> =>
  (dy, at) => [vjp(dy, at.input(0), at.output(0), at.attributes)]

/**
 * A rule for y = f(a, b).
 *
 * @example
 * const product: Rule<'Mul'> = binaryRule((dy, a, b) => [mul(dy, b), mul(dy, a)])
 */
export const binaryRule =
  <O extends OperatorName>(
    vjp: (dy: Value, a: Value, b: Value, y: Value) => readonly [Value | undefined, Value | undefined],
  ): Rule<O> =>
  (dy, at) =>
    vjp(dy, at.input(0), at.input(1), at.output(0))
