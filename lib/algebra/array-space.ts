import type { VectorSpace } from './vector-space.js'

/**
 * Float64Arrays of equal length, in float64 throughout; every combination is a fresh array. The empty combination has length 0.
 * Throws a RangeError when lengths differ.
 *
 * @example
 * const x = arraySpace.combine([[2, Float64Array.of(1, 0)], [1, Float64Array.of(0, 1)]]) // [2, 1]
 */
export const arraySpace: VectorSpace<Float64Array> = {
  combine: (terms) => {
    const sum = new Float64Array(terms.length === 0 ? 0 : terms[0][1].length)
    for (const [coefficient, x] of terms) {
      if (x.length !== sum.length)
        throw new RangeError(`Arrays of ${sum.length} and ${x.length} numbers cannot be added`)
      for (let i = 0; i < sum.length; i++) sum[i] += coefficient * x[i]
    }
    return sum
  },
}
