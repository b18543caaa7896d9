import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  arraySpace,
  coefficients,
  numberSpace,
  symbolSpace,
  unknown,
  type Symbolic,
  type VectorSpace,
} from '../../lib/algebra/index.js'

const real = fc.double({ min: -10, max: 10, noNaN: true })

/** The laws of `VectorSpace`, for any space with a way to compare. */
const laws = <V>(V: VectorSpace<V>, vector: fc.Arbitrary<V>, read: (v: V) => ReadonlyArray<number>) => {
  const same = (v: V, w: V) => {
    const [a, b] = [read(v), read(w)]
    expect(a).toHaveLength(b.length)
    a.forEach((x, i) => {
      expect(Math.abs(x - b[i])).toBeLessThanOrEqual(1e-9)
    })
  }
  it('a single term', () => {
    fc.assert(
      fc.property(vector, (v) => {
        same(V.combine([[1, v]]), v)
      }),
    )
  })
  it('order is irrelevant', () => {
    fc.assert(
      fc.property(real, vector, real, vector, (a, v, b, w) => {
        same(
          V.combine([
            [a, v],
            [b, w],
          ]),
          V.combine([
            [b, w],
            [a, v],
          ]),
        )
      }),
    )
  })
  it('nesting multiplies out', () => {
    fc.assert(
      fc.property(real, real, vector, real, vector, (a, b, v, c, w) => {
        same(
          V.combine([
            [
              a,
              V.combine([
                [b, v],
                [c, w],
              ]),
            ],
          ]),
          V.combine([
            [a * b, v],
            [a * c, w],
          ]),
        )
      }),
    )
  })
  it('a vector may repeat', () => {
    fc.assert(
      fc.property(real, real, vector, (a, b, v) => {
        same(
          V.combine([
            [a, v],
            [b, v],
          ]),
          V.combine([[a + b, v]]),
        )
      }),
    )
  })
}

describe('numbers', () => {
  laws(numberSpace, real, (x) => [x])
})

describe('arrays', () => {
  laws(
    arraySpace,
    fc.tuple(real, real, real).map((xs) => Float64Array.from(xs)),
    (xs) => [...xs],
  )
  it('of different lengths are refused', () => {
    expect(() =>
      arraySpace.combine([
        [1, new Float64Array(2)],
        [1, new Float64Array(3)],
      ]),
    ).toThrow(RangeError)
  })
})

describe('symbols', () => {
  const unknowns = [unknown('x'), unknown('y'), unknown('z')]
  const leaf: fc.Arbitrary<Symbolic> = fc.constantFrom(...unknowns)
  const symbol = fc.oneof(
    leaf,
    fc.array(fc.tuple(real, leaf), { minLength: 1, maxLength: 4 }).map(symbolSpace.combine),
  )
  laws(symbolSpace, symbol, (s) => unknowns.map((u) => coefficients(s).get(u) ?? 0))
  it('share what they share: a doubling chain of 1,000 is read in no time', () => {
    let sum: Symbolic = unknown('x')
    for (let i = 0; i < 1000; i++)
      sum = symbolSpace.combine([
        [0.5, sum],
        [0.5, sum],
      ])
    expect([...coefficients(sum).values()]).toEqual([1])
  })
})
