import { integer, type Key, normal, permutation, purposes, uniform, uniforms } from 'deriva/random'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const key: Key = { seed: 7, purpose: 'noise', step: 3, sample: 11 }

const keys: fc.Arbitrary<Key> = fc.record({
  seed: fc.nat(Number.MAX_SAFE_INTEGER),
  purpose: fc.constantFrom(...(Object.keys(purposes) as ReadonlyArray<Key['purpose']>)),
  step: fc.nat(2 ** 32 - 1),
  sample: fc.nat(2 ** 32 - 1),
})

describe('keys', () => {
  it('make a draw a function of the key and the index alone', () => {
    fc.assert(
      fc.property(keys, fc.nat(1000), (k, index) => {
        const first = uniform(k, index)
        uniform({ ...k, sample: k.sample + 1 })
        expect(uniform(k, index)).toBe(first)
      }),
    )
  })

  it('draw these very numbers, in every version: they are part of what a seed stands for', () => {
    const k: Key = { seed: 2 ** 40 + 7, purpose: 'noise', step: 3, sample: 11 }
    expect([uniform(k), uniform(k, 5)]).toEqual([0.46645425488432246, 0.8513890410731239])
    expect(integer(k, 1000, 2)).toBe(510)
    expect([...uniforms(k, new Float32Array(5), -0.5, 0.5)]).toEqual([
      -0.03354579210281372, -0.19349336624145508, 0.3692401647567749, -0.03518557548522949,
      -0.37536656856536865,
    ])
    expect(uniforms(k, new Float64Array(3000)).at(-1)).toBe(0.13049107789993286)
    expect([...normal(k, new Float32Array(5))]).toEqual([
      -0.42931777238845825, 1.157962441444397, -0.5165219306945801, 0.11608882993459702, 1.1691207885742188,
    ])
    expect([...normal(k, new Float32Array(3), 0, 3, 2)]).toEqual(
      [0.9111721093599069, 0.7178364375315079, -0.006466934434315379].map(Math.fround),
    )
    expect(normal(k, new Float32Array(3000)).at(-1)).toBe(0.7068497538566589)
    expect([...permutation(k, 8)]).toEqual([3, 7, 1, 6, 4, 5, 2, 0])
  })

  it('fill long arrays with what single draws give', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 2040, max: 6000 }), fc.nat(3), (k, length, index) => {
        const whole = normal(k, new Float64Array(length), 0, length, index)
        const quads = Math.ceil(length / 4)
        const at = Math.floor(length / 8)
        const alone = normal(k, new Float64Array(4), 0, 4, index * quads + at)
        expect([...whole.subarray(4 * at, 4 * at + 4)]).toEqual([...alone])
      }),
      { numRuns: 20 },
    )
  })

  it('give different streams for different seeds (above 32 bits too), purposes, steps and samples', () => {
    const others: ReadonlyArray<Partial<Key>> = [
      { seed: 8 },
      { seed: 7 + 2 ** 32 },
      { purpose: 'timestep' },
      { step: 4 },
      { sample: 12 },
    ]
    const draws = [key, ...others.map((other) => ({ ...key, ...other }))].map((k) => uniform(k))
    expect(new Set(draws).size).toBe(draws.length)
  })

  it('draw uniform numbers: mean, variance and bounds', () => {
    const n = 20_000
    const draws = Array.from({ length: n }, (_, i) => uniform(key, i))
    const mean = draws.reduce((a, b) => a + b, 0) / n
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / n
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / n))
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002)
    expect(draws.every((u) => u >= 0 && u < 1)).toBe(true)
  })

  it('fill an array with uniform numbers: mean, variance, bounds, and a start that does not depend on its length', () => {
    const n = 20_003
    const draws = uniforms(key, new Float32Array(n))
    const mean = draws.reduce((a, b) => a + b, 0) / n
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / n
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / n))
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002)
    expect(draws.every((u) => u >= 0 && u < 1)).toBe(true)
    expect(new Set(draws).size).toBeGreaterThan(n - 40)
    expect([...uniforms(key, new Float64Array(7))]).toEqual([...draws.subarray(0, 7)])
  })

  it('draw integers that hit every value equally often', () => {
    const n = 22_000
    const counts = new Uint32Array(11)
    for (let i = 0; i < n; i++) counts[integer(key, 11, i)]++
    const chiSquared = counts.reduce((sum, count) => sum + (count - n / 11) ** 2 / (n / 11), 0)
    expect(chiSquared).toBeLessThan(29.6) // 10 degrees of freedom, p = 0.001
  })

  it('draw standard normal numbers: four moments', () => {
    const n = 100_000
    const draws = normal(key, new Float64Array(n))
    const moment = (p: number): number => draws.reduce((a, z) => a + z ** p, 0) / n
    expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(n))
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n))
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n))
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n))
  })

  it('fill a part of an array with the same numbers as a whole one, whatever the length', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 40 }), fc.nat(9), (k, length, offset) => {
        const alone = normal(k, new Float32Array(length))
        const within = normal(k, new Float32Array(offset + length + 3), offset, length)
        expect([...within.subarray(offset, offset + length)]).toEqual([...alone])
        expect([...within.subarray(offset + length)]).toEqual([0, 0, 0])
      }),
    )
  })

  it('draw normal numbers afresh for every index', () => {
    const draws = [0, 1, 2].map((index) => [...normal(key, new Float32Array(6), 0, 6, index)])
    expect(new Set(draws.flat()).size).toBe(18)
  })

  it('permute', () => {
    fc.assert(
      fc.property(keys, fc.nat(200), (k, n) => {
        expect([...permutation(k, n)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
      }),
    )
  })
})
