import { type ScheduleName, type ScheduleOptions, schedules, warmedUp } from 'deriva/train'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const { cos, max, min, PI } = Math

/** The factors of diffusers' optimization.py, without their warm-up: what its lambdas return at this progress, 0 … 1 and beyond. */
const factors: {
  readonly [N in ScheduleName]: (progress: number, options: Required<ScheduleOptions>) => number
} = {
  constant: () => 1,
  constant_with_warmup: () => 1,
  linear: (progress) => max(0, 1 - progress),
  cosine: (progress) => max(0, 0.5 * (1 + cos(PI * 0.5 * 2 * min(1, progress)))),
  cosine_with_restarts: (progress, { cycles }) =>
    progress >= 1 ? 0 : max(0, 0.5 * (1 + cos(PI * ((cycles * progress) % 1)))),
  polynomial: (progress, { peak, power, end }) =>
    progress > 1 ? end / peak : ((peak - end) * (1 - progress) ** power + end) / peak,
}

const names = Object.keys(schedules) as ReadonlyArray<ScheduleName>

const options = fc.record({
  peak: fc.double({ min: 1e-4, max: 1, noNaN: true }),
  // Powers of two, so that both sides round a restart to the same step.
  steps: fc.constantFrom(1, 2, 64, 1024),
  cycles: fc.constantFrom(1, 2, 4),
  power: fc.constantFrom(0.5, 1, 2, 3.5),
  end: fc.double({ min: 0, max: 1e-4, noNaN: true }),
})

describe('schedules', () => {
  it.each(names)('%s is what diffusers makes of that name', (name) => {
    fc.assert(
      fc.property(options, fc.nat(2000), (given, step) => {
        const expected = given.peak * factors[name](step / given.steps, given)
        expect(Math.abs(schedules[name](given)(step) - expected)).toBeLessThan(1e-14)
      }),
    )
  })

  it.each(names)('%s starts at the peak', (name) => {
    expect(schedules[name]({ peak: 0.25, steps: 100 })(0)).toBe(0.25)
  })

  it('cosine_with_restarts is back at the peak at every restart, and at 0 at the end', () => {
    const schedule = schedules.cosine_with_restarts({ peak: 2, steps: 90, cycles: 3 })
    expect([0, 30, 60].map(schedule)).toEqual([2, 2, 2])
    expect(schedule(29)).toBeLessThan(0.01)
    expect(schedule(90)).toBe(0)
  })

  it('polynomial ends at 1e-7 unless told otherwise, and stays there', () => {
    expect([10, 11, 1000].map(schedules.polynomial({ peak: 1, steps: 10 }))).toEqual([1e-7, 1e-7, 1e-7])
  })

  it('a warm-up rises in equal steps to where the schedule takes over', () => {
    const schedule = warmedUp(3, 1, schedules.linear({ peak: 1, steps: 4 }))
    expect([0, 1, 2, 3, 4, 5].map(schedule)).toEqual([0.25, 0.5, 0.75, 1, 0.75, 0.5])
  })
})
