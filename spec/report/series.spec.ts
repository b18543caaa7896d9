import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { smoothed, thinned } from '../../lib/report/index.js'

const series = fc
  .array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 400 })
  .map((values) => values.map((value, i) => ({ at: i + 1, value: value + 0 })))

describe('smoothed', () => {
  it('leaves a constant as it is, from the first value on', () => {
    for (const { value } of smoothed(
      Array.from({ length: 50 }, (_, at) => ({ at, value: 3 })),
      10,
    ))
      expect(value).toBeCloseTo(3, 12)
  })

  it('stays within the values so far', () => {
    fc.assert(
      fc.property(series, fc.double({ min: 1, max: 50, noNaN: true }), (all, span) => {
        smoothed(all, span).forEach(({ value }, i) => {
          const seen = all.slice(0, i + 1).map((point) => point.value)
          expect(value).toBeGreaterThanOrEqual(Math.min(...seen) - 1e-9)
          expect(value).toBeLessThanOrEqual(Math.max(...seen) + 1e-9)
        })
      }),
      { numRuns: 30 },
    )
  })

  it('goes on after a value that is not finite', () => {
    const values = [1, NaN, 1, Infinity, 1].map((value, at) => ({ at, value }))
    expect(smoothed(values, 5).map(({ value }) => value)).toEqual(
      [1, 1, 1, 1, 1].map((x) => expect.closeTo(x, 12) as number),
    )
  })

  it('smooths nothing with a span below 1', () => {
    fc.assert(
      fc.property(series, (all) => {
        expect(smoothed(all, 0)).toEqual(all)
      }),
      { numRuns: 20 },
    )
  })
})

describe('thinned', () => {
  it('keeps the extremes, the order, and no more than was asked for', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: 2, max: 100 }), (all, count) => {
        const thin = thinned(all, count)
        const values = (points: typeof all): ReadonlyArray<number> => points.map(({ value }) => value)
        expect(thin.length).toBeLessThanOrEqual(count + 2)
        expect(Math.max(...values([...thin]))).toBe(Math.max(...values(all)))
        expect(Math.min(...values([...thin]))).toBe(Math.min(...values(all)))
        for (let i = 1; i < thin.length; i++) expect(thin[i].at).toBeGreaterThan(thin[i - 1].at)
      }),
      { numRuns: 100 },
    )
  })
})
