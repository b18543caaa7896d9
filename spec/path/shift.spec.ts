import {
  ddpm,
  dynamicShift,
  flow,
  resolutionShift,
  shiftedPoint,
  shiftedTimesteps,
  tokensOf,
  uniformTimesteps,
} from 'deriva/path'
import { shifted, trailing } from 'deriva/solver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const straight = flow()
const variance = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
const shifts = fc.double({ min: 0.1, max: 10, noNaN: true })
const sigmas = fc.double({ min: 0.001, max: 0.999, noNaN: true })

describe('shifts', () => {
  it('multiply sigma/alpha, which on the straight path is s·sigma/(1 + (s − 1)·sigma)', () => {
    fc.assert(
      fc.property(shifts, sigmas, (s, sigma) => {
        const at = shiftedPoint(straight, straight.at(1000 * sigma), s)
        expect(at.sigma).toBeCloseTo((s * sigma) / (1 + (s - 1) * sigma), 12)
        expect(at.timestep).toBeCloseTo(1000 * at.sigma, 9)
      }),
    )
  })

  it('keep both ends of a grid, and its order', () => {
    fc.assert(
      fc.property(shifts, fc.integer({ min: 1, max: 50 }), (s, steps) => {
        for (const path of [straight, ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })]) {
          const grid = shifted(path, trailing(path, steps), s)
          expect(grid).toHaveLength(steps + 1)
          expect(grid[0].alpha).toBe(0)
          expect(grid[steps].sigma).toBe(0)
          for (let i = 1; i < grid.length; i++) expect(grid[i].sigma).toBeLessThan(grid[i - 1].sigma)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('compose by multiplication, and 1 is none', () => {
    fc.assert(
      fc.property(
        shifts,
        shifts,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (a, b, u) => {
          const twice = shiftedTimesteps(a, shiftedTimesteps(b, uniformTimesteps))(straight, u, 0)
          expect(twice).toBeCloseTo(shiftedTimesteps(a * b, uniformTimesteps)(straight, u, 0), 8)
          expect(shiftedTimesteps(1, uniformTimesteps)(straight, u, 0)).toBe(uniformTimesteps(straight, u, 0))
        },
      ),
    )
  })

  it('stay on the timesteps of a discrete path', () => {
    fc.assert(
      fc.property(shifts, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (s, u) => {
        const t = shiftedTimesteps(s, uniformTimesteps)(variance, u, 0)
        expect(Number.isInteger(t) && t >= 0 && t <= 999).toBe(true)
        const before = uniformTimesteps(variance, u, 0)
        if (s > 1) expect(t).toBeGreaterThanOrEqual(before)
        else expect(t).toBeLessThanOrEqual(before)
      }),
    )
  })

  it('move the middle to s / (s + 1), and are positive', () => {
    expect(shiftedTimesteps(3, () => 500)(straight, 0, 0)).toBeCloseTo(750, 9)
    expect(() => shiftedPoint(straight, straight.at(1), 0)).toThrow(RangeError)
  })

  it('grow with the image: exp(0.5 … 1.15) at 256 … 4096 tokens, and √(m/n) for noise that reads alike', () => {
    expect(Math.log(dynamicShift(256))).toBeCloseTo(0.5, 12)
    expect(Math.log(dynamicShift(4096))).toBeCloseTo(1.15, 12)
    expect(Math.log(dynamicShift(tokensOf([16, 64, 64])))).toBeCloseTo(0.63, 12)
    expect(tokensOf([1, 28, 28], 4)).toBe(49)
    expect(tokensOf([4, 5, 7])).toBe(6)
    expect(resolutionShift(4096, { baseTokens: 1024 })).toBe(2)
  })

  it('of SD3 keep what a blurred image can tell: shifted by √(m/n), m averaged pixels are as uncertain as n were', () => {
    // A constant image of n pixels: the mean of its noisy pixels over alpha has deviation sigma/(alpha·√n) (eq. 23's argument).
    fc.assert(
      fc.property(sigmas, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (sigma, n, m) => {
        const small = straight.at(1000 * sigma)
        const large = shiftedPoint(straight, small, resolutionShift(m, { baseTokens: n }))
        const deviation = ({ alpha, sigma: s }: typeof small, pixels: number) =>
          s / (alpha * Math.sqrt(pixels))
        expect(deviation(large, m) / deviation(small, n)).toBeCloseTo(1, 9)
      }),
    )
  })
})
