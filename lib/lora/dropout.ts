import {
  add,
  cast,
  constant,
  gather,
  input,
  less,
  mod,
  mul,
  range,
  reshape,
  scalar,
  shapeOf,
  type Value,
  where,
} from '../onnx/index.js'
import { trainingStep } from '../model/index.js'
import { uniform } from '../random/index.js'
import { int64 } from '../types/index.js'

/** A Mersenne prime: products of two numbers below it fit int64 with room for a sum. */
const prime = 2 ** 31 - 1

const whole = (x: number): Value => constant(int64([], [x]))

const modulo = (x: Value): Value => mod(x, whole(prime))

/** x⁵ modulo the prime: a permutation, as 5 does not divide prime − 1, and far from linear. */
const scrambled = (x: Value): Value => {
  const square = modulo(mul(x, x))
  return modulo(mul(modulo(mul(square, square)), x))
}

/**
 * Random elements of x as zeros, others as they are, anew at every step (Srivastava et al. 2014). What is kept is not scaled.
 *
 * Which, is a function of the seed, the place, the step and the element's indices alone, in integers: the same on every device and
 * after a restart, where the runtime's own random operators are not. The multipliers of the indices are drawn by Philox, and
 * their sum is scrambled by the power generator modulo 2³¹ − 1 (Lehmer's prime).
 *
 * @param x of any shape but a scalar
 * @param probability of being zero: 0 … 1
 * @param site tells this place from others: an integer, 0 … 2³²−1
 * @example
 * const y = dropped(input('x', 'float32', ['batch', 16, 64]), { probability: 0.1, seed: 1, site: 0 })
 */
export const dropped = (
  x: Value,
  { probability, seed, site }: { readonly probability: number; readonly seed: number; readonly site: number },
): Value => {
  const drawn = (index: number): Value =>
    whole(
      1 +
        Math.floor((prime - 1) * uniform({ seed, purpose: 'adapter_dropout', step: 0, sample: site }, index)),
    )
  const step = modulo(cast(input(`${trainingStep.slot}/${trainingStep.name}`, 'float32', []), 'int64'))
  // Steps are scrambled before they meet the elements, so that one step's zeros are not the last one's, moved.
  const start = scrambled(modulo(add(mul(step, drawn(0)), drawn(1))))
  const rank = x.shape.length
  const lengths = shapeOf(x)
  const place = x.shape.reduce<Value>((sum, _, axis) => {
    const indices = range(whole(0), gather(lengths, whole(axis)), whole(1))
    const spread = reshape(
      modulo(mul(indices, drawn(2 + axis))),
      Array.from({ length: rank }, (__, i) => (i === axis ? -1 : 1)),
    )
    return add(sum, spread)
  }, start)
  const zeroed = less(scrambled(modulo(place)), whole(Math.round(probability * prime)))
  return where(zeroed, scalar(0, x.type), x)
}
