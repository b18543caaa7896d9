import { GraphFailure, matMul, mul, reshape, softmax, split, transpose, type Value } from '../onnx/index.js'
import { axis } from './axis.js'
import type { Initialiser } from './initialise.js'
import { linear } from './linear.js'
import type { Scope } from './scope.js'

/**
 * Multi-head self-attention (Vaswani et al. 2017, section 3.2): [batch, tokens, width] → the same.
 *
 * Queries, keys and values come from one matrix product and are brought to [batch, heads, tokens, d] together. ONNX Runtime's products
 * read the keys transposed as they are. The queries are scaled rather than the scores, which are more.
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
  const qkv = reshape(linear(at.at('qkv'), x, 3 * width), [0, tokens, 3 * heads, d])
  const [q = x, k = x, v = x] = split(transpose(qkv, [0, 2, 1, 3]), [heads, heads, heads], 1)
  const scores = matMul(mul(q, 1 / Math.sqrt(d)), transpose(k, [0, 1, 3, 2]))
  const mixed = matMul(softmax(scores, -1), v)
  const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [0, tokens, width])
  return linear(at.at('out'), joined, width, initialiseOutput)
}
