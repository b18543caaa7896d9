import {
  betaTimesteps,
  ddpm,
  flow,
  logitNormalTimesteps,
  modeTimesteps,
  type TimestepSampler,
  timestepSamplerNames,
  timestepSamplers,
} from 'deriva/path'
import { uniform } from 'deriva/random'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const path = flow()
const count = 40_000

/** Fractions of the grid, each at the middle of its timestep, sorted. */
const drawn = (sampler: TimestepSampler): Float64Array =>
  Float64Array.from({ length: count }, (_, sample) => {
    const key = { seed: 11, purpose: 'timestep', step: 0, sample } as const
    return (sampler(path, uniform(key, 0), uniform(key, 1)) - 0.5) / 1000
  }).sort()

/** The largest distance between the distribution drawn and the one it should be, at the edges of the timesteps. */
const distance = (sampler: TimestepSampler, cdf: (x: number) => number): number => {
  const sorted = drawn(sampler)
  let below = 0
  let largest = 0
  for (let t = 1; t < 1000; t++) {
    while (below < count && sorted[below] < t / 1000) below++
    largest = Math.max(largest, Math.abs(below / count - cdf(t / 1000)))
  }
  return largest
}
/** Kolmogorov's bound at p = 0.001. */
const bound = 1.95 / Math.sqrt(count)

/** The mean and variance of the fraction by quadrature over u, without the grid's rounding: steps of 1/1000 average out. */
const moments = (sampler: TimestepSampler) => {
  const n = 20_000
  const fine = flow({ timesteps: 1_000_000 })
  const x = Float64Array.from({ length: n }, (_, i) => (sampler(fine, (i + 0.5) / n, 0) - 0.5) / 1_000_000)
  const mean = x.reduce((a, b) => a + b, 0) / n
  return { mean, variance: x.reduce((a, b) => a + (b - mean) ** 2, 0) / n }
}

/** The normal distribution function, by Simpson's rule: plenty for a bound of 1 %. */
const phi = (z: number): number => {
  const n = 400
  const h = z / n
  let sum = 0
  for (let i = 0; i <= n; i++)
    sum += Math.exp(-((i * h) ** 2) / 2) * (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2)
  return 0.5 + (sum * h) / 3 / Math.sqrt(2 * Math.PI)
}

describe('timestep samplers', () => {
  it('are uniform, logit-normal, beta and mode by name, and stay on the grid', () => {
    expect(timestepSamplerNames).toEqual(['uniform', 'logit_normal', 'beta', 'mode'])
    const half = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    for (const name of timestepSamplerNames)
      fc.assert(
        fc.property(half, half, (u, v) => {
          for (const on of [path, ddpm({ betaSchedule: 'linear' })]) {
            const t = timestepSamplers[name]()(on, u, v)
            expect(Number.isInteger(t)).toBe(true)
            expect(t).toBeGreaterThanOrEqual(on.family === 'flow' ? 1 : 0)
            expect(t).toBeLessThanOrEqual(on.noisiest.timestep)
          }
        }),
      )
  })

  it('draw a uniform fraction', () => {
    expect(distance(timestepSamplers.uniform(), (x) => x)).toBeLessThan(bound)
  })

  it.each([
    [0, 1],
    [-0.6, 0.5],
    [0.8, 1.7],
  ])('draw the logit-normal distribution of mean %f and deviation %f', (mean, deviation) => {
    const cdf = (x: number): number => phi((Math.log(x / (1 - x)) - mean) / deviation)
    expect(distance(logitNormalTimesteps({ mean, deviation }), cdf)).toBeLessThan(bound)
    // A sampler of another deviation would be told apart.
    expect(distance(logitNormalTimesteps({ mean, deviation: deviation * 1.1 }), cdf)).toBeGreaterThan(bound)
  })

  it.each([
    [2, 2],
    [1, 2],
    [0.6, 0.6],
    [5, 1],
  ])('draw the beta distribution (%f, %f): its mean and variance', (alpha, beta) => {
    const { mean, variance } = moments(betaTimesteps({ alpha, beta }))
    expect(mean).toBeCloseTo(alpha / (alpha + beta), 4)
    expect(variance).toBeCloseTo((alpha * beta) / ((alpha + beta) ** 2 * (alpha + beta + 1)), 4)
  })

  it('draw 3x² − 2x³ of the time below x for beta (2, 2), and 1 − (1 − x)² for MixFlow’s (1, 2)', () => {
    expect(distance(betaTimesteps(), (x) => 3 * x * x - 2 * x ** 3)).toBeLessThan(bound)
    expect(distance(betaTimesteps({ alpha: 1, beta: 2 }), (x) => 1 - (1 - x) ** 2)).toBeLessThan(bound)
  })

  it.each([-0.9, 0, 0.5, 1.29, 1.75])(
    'draw SD3’s mode distribution of scale %f: its mean and variance',
    (s) => {
      const { mean, variance } = moments(modeTimesteps({ scale: s }))
      expect(mean).toBeCloseTo(0.5, 5)
      // ∫ ((1/2 − u)(1 + s) − (s/2)·cos πu)² du
      expect(variance).toBeCloseTo((1 + s) ** 2 / 12 - (2 * s * (1 + s)) / Math.PI ** 2 + s ** 2 / 8, 5)
    },
  )

  it('refuse a scale at which mode sampling folds back', () => {
    expect(() => modeTimesteps({ scale: 1.8 })).toThrow(RangeError)
    expect(() => modeTimesteps({ scale: -1.1 })).toThrow(RangeError)
  })
})
