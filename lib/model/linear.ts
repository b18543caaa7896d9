import { add, matMul, type Value } from '../onnx/index.js'
import { axis } from './axis.js'
import { type Initialiser, xavierUniform, zeros } from './initialise.js'
import type { Scope } from './scope.js'

/**
 * x·W + b on the last axis: [batch, …, in] → [batch, …, width], with `weight` [in, width] and `bias` [width].
 *
 * @param initialise the initial weight; the bias starts as zeros
 * @example
 * const x = input('tokens', 'float32', ['batch', 49, 128])
 * const hidden = linear(scope(1).at('hidden'), x, 512) // [batch, 49, 512]
 */
export const linear = (at: Scope, x: Value, width: number, initialise: Initialiser = xavierUniform): Value =>
  add(
    matMul(x, at.parameter('weight', [axis(x, -1), width], initialise)),
    at.parameter('bias', [width], zeros),
  )
