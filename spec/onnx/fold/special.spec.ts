import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fold } from '../../../lib/onnx/index.js'

describe('erf', () => {
  // Abramowitz & Stegun, table 7.1, and erfc(3) and erfc(5) to 16 digits.
  test.each([
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 1 - 2.209049699858544e-5],
    [5, 1 - 1.5374597944280349e-12],
    [7, 1],
  ])('of %d is %d', (x, y) => {
    expect(Math.abs(fold.erf(x) - y)).toBeLessThan(2e-15)
    expect(fold.erf(-x)).toBe(-fold.erf(x))
  })

  test('is continuous where series and continued fraction meet', () => {
    expect(Math.abs(fold.erf(2 + 1e-14) - fold.erf(2))).toBeLessThan(2e-15)
    expect(fold.erf(NaN)).toBeNaN()
  })
})

test('rounding takes ties to the even number', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4, -2.6].map(fold.roundHalfEven).map((x) => x + 0)).toEqual([
    0, 2, 2, 0, -2, -2, 2, -3,
  ])
})

test('sigmoid and softplus do not overflow, and softplus′ = sigmoid', () => {
  expect(fold.sigmoid(-800)).toBe(0)
  expect(fold.sigmoid(800)).toBe(1)
  expect(fold.softplus(800)).toBe(800)
  fc.assert(
    fc.property(fc.double({ min: -20, max: 20, noNaN: true }), (x) => {
      const slope = (fold.softplus(x + 1e-5) - fold.softplus(x - 1e-5)) / 2e-5
      expect(Math.abs(slope - fold.sigmoid(x))).toBeLessThan(1e-8)
    }),
  )
})
