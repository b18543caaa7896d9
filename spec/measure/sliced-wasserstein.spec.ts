import { slicedWasserstein } from 'deriva/measure'
import { normal } from 'deriva/random'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const cloud = (seed: number, count: number, dimensions: number) => ({
  points: normal({ seed, purpose: 'data', step: 0, sample: 0 }, new Float64Array(count * dimensions)),
  count,
})

describe('the sliced Wasserstein distance', () => {
  it('is 0 between orders of the same points, symmetric, and proportional to scale', () => {
    fc.assert(
      fc.property(fc.nat(999), fc.double({ min: 0.1, max: 5, noNaN: true }), (seed, c) => {
        const [a, b] = [cloud(seed, 12, 3), cloud(seed + 1000, 18, 3)]
        const options = { directions: 16, seed }
        const reversed = Float64Array.from(
          { length: 36 },
          (_, i) => a.points[33 - 3 * Math.floor(i / 3) + (i % 3)],
        )
        expect(slicedWasserstein(a, { points: reversed, count: 12 }, options)).toBeLessThan(1e-12)
        const d = slicedWasserstein(a, b, options)
        expect(slicedWasserstein(b, a, options)).toBeCloseTo(d, 12)
        const scaled = (x: typeof a) => ({ ...x, points: x.points.map((p) => c * p) })
        expect(slicedWasserstein(scaled(a), scaled(b), options)).toBeCloseTo(c * d, 10)
      }),
    )
  })

  it('is the optimal transport of points on a line, whatever their numbers', () => {
    // Mass 1/3 from 0 to 0, 1/6 from 0 to 1 … : quantiles cross at sixths.
    const a = { points: Float64Array.of(2, 0, 1), count: 3 }
    const b = { points: Float64Array.of(3, 0), count: 2 }
    // [0,1/3): 0→0, [1/3,1/2): 1→0, [1/2,2/3): 1→3, [2/3,1): 2→3
    expect(slicedWasserstein(a, b, { seed: 1 })).toBeCloseTo(Math.sqrt(1 / 6 + 4 / 6 + 1 / 3), 12)
  })

  it('of a shifted set is the shift over the root of the dimension, on average over directions', () => {
    const a = cloud(3, 50, 16)
    const b = { ...a, points: a.points.map((x) => x + 0.5) }
    // ‖shift‖ = 0.5·√16, of which a random direction sees 1/√16 in the mean square.
    const found = slicedWasserstein(a, b, { directions: 4000, seed: 2 })
    expect(Math.abs(found - 0.5)).toBeLessThan(0.02)
  })

  it('falls like 1/√count between two draws of one distribution, and not between different ones', () => {
    const same = (n: number) => slicedWasserstein(cloud(5, n, 4), cloud(6, n, 4), { seed: 1 })
    expect(same(4000) / same(250)).toBeLessThan(0.5)
    const wide = cloud(7, 4000, 4)
    const apart = slicedWasserstein(
      cloud(5, 4000, 4),
      { ...wide, points: wide.points.map((x) => 2 * x) },
      { seed: 1 },
    )
    expect(apart).toBeGreaterThan(0.9)
    expect(apart).toBeLessThan(1.1)
  })

  it('refuses points of different spaces', () => {
    expect(() => slicedWasserstein(cloud(1, 4, 3), cloud(2, 4, 2), { seed: 1 })).toThrow(RangeError)
  })
})
