import { GraphFailure, matMul, mul, reshape, softmax, split, transpose, type Value } from '../onnx/index.js'
import { axis } from './axis.js'
import type { Initialiser } from './initialise.js'
import { linear } from './linear.js'
import type { Scope } from './scope.js'

/**
 * Multi-head self-attention (Vaswani et al. 2017, section 3.2): [batch, tokens, width] → the same.
 *
 * Queries, keys and values come from one matrix product. The keys are transposed straight to [batch, heads, d, tokens], and the queries
 * are scaled rather than the scores, which are more.
 *
 * @param heads divides the width
 * @param initialiseOutput the initial weight of the output projection
 * @throws GraphFailure where heads does not divide the width
 * @example
 * const x = input('tokens', 'float32', ['batch', 49, 128])
 * const y = attention(scope(1).at('attention'), x, 4)
 */
export const attention = (at: Scope, x: Value, heads: number, initialiseOutput?: Initialiser): Value => {
  const [tokens, width] = [axis(x, 1), axis(x, 2)]
  if (width % heads !== 0)
    throw new GraphFailure(`${heads} attention heads do not divide a width of ${width}`)
  const d = width / heads
  const qkv = linear(at.at('qkv'), x, 3 * width)
  const [q = x, k = x, v = x] = split(qkv, [width, width, width], 2).map((part) =>
    reshape(part, [0, tokens, heads, d]),
  )
  const scores = matMul(mul(transpose(q, [0, 2, 1, 3]), 1 / Math.sqrt(d)), transpose(k, [0, 2, 3, 1]))
  const mixed = matMul(softmax(scores, -1), transpose(v, [0, 2, 1, 3]))
  const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [0, tokens, width])
  return linear(at.at('out'), joined, width, initialiseOutput)
}
