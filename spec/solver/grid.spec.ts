import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ddpm, flow } from '../../lib/path/index.js'
import { leading, linspace, trailing, unitSteps } from '../../lib/solver/index.js'
import { fixture } from './golden.js'

const variance = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
const straight = flow()

type Entry = {
  readonly cls: string
  readonly opts: {
    readonly timestep_spacing?: string
    readonly steps_offset?: number
    readonly beta_schedule: string
  }
  readonly num_inference_steps: number
  readonly timesteps: ReadonlyArray<number>
  readonly sigmas?: ReadonlyArray<number>
}

describe('timestep grids', () => {
  it("are diffusers'", () => {
    const { entries } = fixture('schedules-timesteps') as { entries: ReadonlyArray<Entry> }
    const closed = ['DDPMScheduler', 'DDIMScheduler', 'EulerDiscreteScheduler', 'HeunDiscreteScheduler']
    let compared = 0
    for (const { cls, opts, num_inference_steps: n, timesteps, sigmas } of entries) {
      // The singlestep class has a spacing of its own, and clipping lambda is no spacing.
      if (opts.timestep_spacing === undefined) continue
      // Euler's linspace alone is not rounded to timesteps of the grid.
      if (!timesteps.every(Number.isInteger)) continue
      const ending = closed.includes(cls) ? 'closed' : 'open'
      const grid =
        opts.timestep_spacing === 'trailing'
          ? trailing(variance, n)
          : opts.timestep_spacing === 'leading'
            ? leading(variance, n, { offset: opts.steps_offset ?? 0, ending })
            : linspace(variance, n, { ending })
      // Heun lists every timestep between the ends twice, once per evaluation.
      const expected = cls === 'HeunDiscreteScheduler' ? [...new Set(timesteps)] : timesteps
      expect(grid.slice(0, -1).map(({ timestep }) => timestep)).toEqual(expected)
      if (sigmas !== undefined && cls !== 'HeunDiscreteScheduler')
        grid.slice(0, -1).forEach(({ alpha, sigma }, i) => {
          expect(Math.abs(sigma / alpha - sigmas[i])).toBeLessThan(1e-11 * Math.max(1, sigmas[i]))
        })
      compared++
    }
    expect(compared).toBeGreaterThan(90)
  })

  it('fall strictly from noise to clean data', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(straight, variance),
        fc.constantFrom(trailing, leading, linspace),
        fc.integer({ min: 1, max: 200 }),
        (path, grid, n) => {
          const points = grid(path, n)
          expect(points).toHaveLength(n + 1)
          expect(points[n]).toBe(path.clean)
          for (let i = 1; i < points.length; i++) expect(points[i].sigma).toBeLessThan(points[i - 1].sigma)
        },
      ),
    )
  })

  it('of flow models: trailing is even in sigma, from pure noise', () => {
    expect(trailing(straight, 4).map(({ sigma }) => sigma)).toEqual([1, 0.75, 0.5, 0.25, 0])
    expect(linspace(straight, 4)).toEqual(trailing(straight, 4))
  })

  it('refuse to have no steps', () => {
    expect(() => trailing(straight, 0)).toThrow(RangeError)
    expect(() => leading(variance, 2.5)).toThrow(RangeError)
  })
})

describe('unit steps', () => {
  it('go down by the stride and end exactly where they should', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 999 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 7 }),
        (to, k, stride) => {
          const from = Math.min(to + k, 999)
          const points = unitSteps(variance, from, to, stride).map(({ timestep }) => timestep)
          expect(points[0]).toBe(from)
          expect(points[points.length - 1]).toBe(to)
          expect(points).toHaveLength(Math.ceil((from - to) / stride) + 1)
          for (let i = 1; i < points.length - 1; i++) expect(points[i - 1] - points[i]).toBe(stride)
        },
      ),
    )
  })
  it('refuse to go up, or nowhere', () => {
    expect(() => unitSteps(variance, 3, 4)).toThrow(RangeError)
    expect(() => unitSteps(variance, 4, 3, 0)).toThrow(RangeError)
  })
})
