import { readFileSync } from 'node:fs'
import { frechet, frechetDistance, momentsOf } from 'deriva/measure'
import { normal } from 'deriva/random'
import fc from 'fast-check'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'

const Cases = t.array(
  t.type({ dimensions: t.number, a: t.array(t.number), b: t.array(t.number), distance: t.number }),
)
const file = new URL('../fixtures/measure/frechet.json', import.meta.url)
const decoded = Cases.decode(JSON.parse(readFileSync(file, 'utf8')))
const cases = decoded._tag === 'Right' ? decoded.right : []

const points = (seed: number, n: number): Float64Array =>
  normal({ seed, purpose: 'data', step: 0, sample: 0 }, new Float64Array(n))

describe('the Fréchet distance', () => {
  it('has references', () => {
    expect(cases).toHaveLength(3)
  })

  it.each(cases)('agrees with scipy in $dimensions dimensions', ({ dimensions, a, b, distance }) => {
    const set = (data: ReadonlyArray<number>) => ({
      points: Float64Array.from(data),
      count: data.length / dimensions,
    })
    // The root of a singular product is known to about the root of the rounding error.
    expect(Math.abs(frechet(set(a), set(b)) / distance - 1)).toBeLessThan(1e-7)
    expect(Math.abs(frechet(set(b), set(a)) / distance - 1)).toBeLessThan(1e-7)
  })

  it('is, where both covariances are diagonal, that of every coordinate by itself', () => {
    const axis = fc.tuple(
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.double({ min: 0, max: 3, noNaN: true }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(axis, axis), { minLength: 1, maxLength: 6 }), (axes) => {
        const gaussian = (which: 0 | 1) => ({
          mean: Float64Array.from(axes, (pair) => pair[which][0]),
          covariance: Float64Array.from({ length: axes.length ** 2 }, (_, i) =>
            i % (axes.length + 1) === 0 ? axes[i / (axes.length + 1)][which][1] ** 2 : 0,
          ),
        })
        const expected = axes.reduce((sum, [[m, s], [n, r]]) => sum + (m - n) ** 2 + (s - r) ** 2, 0)
        expect(Math.abs(frechetDistance(gaussian(0), gaussian(1)) - expected)).toBeLessThan(1e-5)
      }),
    )
  })

  it('is 0 from a set to itself, the squared shift to a shifted one, and grows with the square of the scale', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0.1, max: 4, noNaN: true }), (seed, c) => {
        const a = points(seed, 60)
        const b = points(seed + 2000, 80)
        const [setA, setB] = [
          { points: a, count: 15 },
          { points: b, count: 20 },
        ]
        const scaled = (p: Float64Array, count: number) => ({ points: p.map((x) => c * x), count })
        expect(frechet(setA, setA)).toBeLessThan(1e-6)
        expect(frechet(setA, { points: a.map((x) => x + c), count: 15 })).toBeCloseTo(4 * c * c, 5)
        expect(frechet(scaled(a, 15), scaled(b, 20)) / (c * c * frechet(setA, setB))).toBeCloseTo(1, 6)
      }),
    )
  })

  it('takes unbiased moments', () => {
    const { mean, covariance } = momentsOf(Float32Array.of(0, 1, 2, 5, 4, 3), 3)
    expect([...mean]).toEqual([2, 3])
    expect([...covariance]).toEqual([4, 2, 2, 4])
    expect(() => momentsOf(Float32Array.of(1, 2), 1)).toThrow(RangeError)
    expect(() => frechetDistance({ mean, covariance }, momentsOf(Float32Array.of(1, 2), 2))).toThrow(
      RangeError,
    )
  })
})
