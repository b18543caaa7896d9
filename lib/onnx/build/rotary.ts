import { GraphFailure } from '../graph-failure.js'
import { showShape } from '../shape.js'
import type { Value } from '../value.js'
import { concat, reshape, slice, split } from './shape.js'
import { add, mul, sub } from './variadic.js'

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864, equation 34): pairs of x's last axis, turned by an angle,
 * (a cos − b sin, a sin + b cos). Elements beyond the pairs stay as they are.
 *
 * @param x […, size]
 * @param cos what broadcasts to […, pairs]
 * @param sin likewise
 * @param pairs how many pairs are turned, at most size/2
 * @param interleaved whether neighbours are pairs, or element i and element i + pairs
 *
 * @example
 * const [x, cos, sin] = [input('x', 'float32', [2, 4, 16, 8]), input('cos', 'float32', [16, 4]), input('sin', 'float32', [16, 4])]
 * const y = rotary(x, cos, sin, 4, true)
 */
export const rotary = (x: Value, cos: Value, sin: Value, pairs: number, interleaved = false): Value => {
  const [size, last] = [x.shape.at(-1), x.shape.length - 1]
  if (typeof size !== 'number' || 2 * pairs > size || pairs < 1) {
    throw new GraphFailure(`${pairs} pairs cannot be turned in ${showShape(x.shape)}`)
  }
  const turned = 2 * pairs < size ? slice(x, [0], [2 * pairs], [last]) : x
  const rest = 2 * pairs < size ? [slice(x, [2 * pairs], [size], [last])] : []
  const kept = x.shape.slice(0, -1).map(() => 0)
  const [a, b] = interleaved
    ? split(reshape(turned, [...kept, pairs, 2]), [1, 1], last + 1).map((y) => reshape(y, [...kept, pairs]))
    : split(turned, [pairs, pairs], last)
  const real = sub(mul(a, cos), mul(b, sin))
  const imaginary = add(mul(a, sin), mul(b, cos))
  if (!interleaved) return concat([real, imaginary, ...rest], last)
  const columns = [real, imaginary].map((y) => reshape(y, [...kept, pairs, 1]))
  const woven = reshape(concat(columns, last + 1), [...kept, 2 * pairs])
  return rest.length === 0 ? woven : concat([woven, ...rest], last)
}
