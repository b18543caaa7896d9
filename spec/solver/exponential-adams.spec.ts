import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { moments, phis, weights, type Rate } from '../../lib/solver/index.js'

const close = (x: number, y: number, tolerance: number) => {
  expect(Math.abs(x - y)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(y)))
}

/** ∫₀¹ exp(z (1 − θ)) f(θ) dθ by Simpson's rule, fine enough for a reference. */
const integral = (z: number, f: (theta: number) => number): number => {
  const n = 2000
  let sum = 0
  for (let i = 0; i <= n; i++)
    sum += (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(z * (1 - i / n)) * f(i / n)
  return sum / (3 * n)
}

describe('phi functions', () => {
  it('satisfy their recurrence on both sides of the switch to series', () => {
    fc.assert(
      fc.property(fc.double({ min: -8, max: 8, noNaN: true }), (z) => {
        const phi = phis(10, z)
        close(z * phi[0], Math.expm1(z), 1e-13)
        let factorial = 1
        for (let n = 1; n < 10; n++) {
          factorial *= n
          close(z * phi[n] + 1 / factorial, phi[n - 1], 1e-13)
        }
      }),
    )
  })
  it('are 1/n! at 0', () => {
    expect([...phis(4, 0)].map((x) => 1 / x)).toEqual(
      [1, 2, 6, 24].map((x) => expect.closeTo(x, 10) as number),
    )
  })
  it('keep their digits for short steps', () => {
    // phi_3(z) = 1/6 + z/24 + z²/120 + …: the naive recurrence has lost twelve digits here.
    close(phis(3, -1e-4)[2] * 6, 1 - 1e-4 / 4 + 1e-8 / 20, 1e-12)
  })
})

describe('weights', () => {
  it('integrate polynomials exactly, whatever the nodes', () => {
    const nodes = fc
      .uniqueArray(fc.integer({ min: -8, max: 1 }), { minLength: 1, maxLength: 6 })
      .chain((whole) =>
        fc
          .double({ min: 0.2, max: 1, noNaN: true })
          .map((scale) => whole.map((x) => (x === 1 ? 1 : x * scale))),
      )
    fc.assert(
      fc.property(
        nodes,
        fc.double({ min: 1e-4, max: 6, noNaN: true }),
        fc.constantFrom<Rate>(-1, 0, 1),
        (at, h, rate) => {
          const w = weights(at, moments(at.length, h, rate))
          for (let degree = 0; degree < at.length; degree++) {
            const sum = at.reduce((total, theta, j) => total + w[j] * theta ** degree, 0)
            close(
              sum / h,
              integral(rate * h, (theta) => theta ** degree),
              1e-8,
            )
          }
        },
      ),
    )
  })
  it('of rate 0 are those of Adams and Bashforth', () => {
    const fourth = weights([0, -1, -2, -3], moments(4, 1, 0))
    ;[55 / 24, -59 / 24, 37 / 24, -9 / 24].forEach((w, j) => {
      close(fourth[j], w, 1e-14)
    })
  })
  it('of an infinite step lie at its end', () => {
    expect([...weights([0], moments(1, Infinity, -1))]).toEqual([1])
    expect([...weights([0, 1], moments(2, Infinity, -1))]).toEqual([0, 1])
  })
})
