import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { halved, pixels, side } from '../../bench/quality/images.js'
import type { Assessment, Result } from '../../bench/quality/result.js'
import { summarised } from '../../bench/quality/summary.js'
import { affordable, whole } from '../../bench/quality/timing.js'
import { labelled } from '../../lib/data/index.js'

/** The arithmetic of the benchmark of quality: what equal time means, and what is compared with what. */

describe('the steps that a budget affords', () => {
  const costs = fc.array(fc.double({ min: 0.01, max: 3, noNaN: true }), { minLength: 1, maxLength: 6 })

  /** What the first `taken` of `steps` steps cost. */
  const spent = (each: ReadonlyArray<number>, steps: number, taken: number): number =>
    each.reduce((sum, cost, i) => {
      const length = steps / each.length
      return sum + cost * Math.max(0, Math.min(length, taken - i * length))
    }, 0)

  it('are as many as can be paid, and never more than a whole training', () => {
    fc.assert(
      fc.property(
        costs,
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (each, steps, share) => {
          const budget = share * whole(each, steps)
          const taken = affordable(each, steps, budget)
          expect(taken).toBeLessThanOrEqual(steps)
          expect(spent(each, steps, taken)).toBeLessThanOrEqual(budget * (1 + 1e-9) + 1e-6)
          if (taken < steps) expect(spent(each, steps, taken + 1)).toBeGreaterThan(budget * (1 - 1e-9) - 1e-6)
        },
      ),
    )
  })

  it('are all of them for what a whole training costs', () => {
    expect(affordable([0.1, 0.1], 800, whole([0.1, 0.1], 800))).toBe(800)
    expect(affordable([0.1, 0.3], 800, whole([0.1, 0.1], 800))).toBe(400 + Math.floor(40 / 0.3))
  })
})

describe('a summary', () => {
  const assessment = (frechet: number): Assessment => ({
    distances: { '5': { frechet, sliced: 0, variance: 1, highPower: 1, accuracy: 1 } },
    drift: [],
    returnError: 0,
  })
  const result = (method: string, seed: number, frechet: number): Result => ({
    dataset: 'mnist',
    method,
    seed,
    equalTime: 5,
    equalSteps: 8,
    samples: 10,
    seconds: 1,
    assessments: { '5': assessment(frechet + 1), '8': assessment(frechet) },
  })
  const results = [
    result('teacher forcing', 1, 2),
    result('teacher forcing', 2, 4),
    result('other', 1, 3),
    result('other', 2, 5),
    result('other', 3, 100),
  ]

  it('compares every method with teacher forcing of the same seed, and only that', () => {
    const [base, other] = summarised(results, 'equalSteps', ({ distances }) => distances['5'].frechet)
    expect(base).toMatchObject({ method: 'teacher forcing', seeds: 2, mean: 3, against: 0 })
    expect(base.deviation).toBeCloseTo(Math.SQRT2, 12)
    // 3/2 and 5/4; the third seed has no partner.
    expect(other).toMatchObject({ method: 'other', seeds: 3, mean: 36 })
    expect(other.against).toBeCloseTo(0.375, 12)
    expect(other.standardError).toBeCloseTo(0.125, 12)
  })

  it('reads the budget that is asked for', () => {
    const [base] = summarised(results, 'equalTime', ({ distances }) => distances['5'].frechet)
    expect(base.mean).toBe(4)
  })
})

describe('the small images', () => {
  // Image 1 is brighter than image 0 everywhere; a pixel says where it is.
  const at = (index: number, row: number, column: number): number => (index + row / 100 + column / 10_000) / 4
  const { x0, label } = halved(
    labelled({
      name: 'gradients',
      size: 2,
      shape: [1, 28, 28],
      classes: 10,
      label: (index) => 3 + index,
      read: (index, out, offset) => {
        for (let i = 0; i < 28 * 28; i++) out[offset + i] = at(index, Math.floor(i / 28), i % 28)
      },
    }),
  )

  it('are the means of 2 × 2 pixels of a framed image, each with its label', () => {
    expect(x0.dims).toEqual([2, 1, side, side])
    expect([...label.data].toSorted()).toEqual([3, 4])
    for (const place of [0, 1])
      for (let row = 0; row < side; row++)
        for (let column = 0; column < side; column++) {
          const inside = row > 0 && row < side - 1 && column > 0 && column < side - 1
          // The mean of four neighbours lies amid them.
          const expected = inside ? at(label.data[place] - 3, 2 * row - 1.5, 2 * column - 1.5) : -1
          expect(x0.data[place * pixels + row * side + column]).toBeCloseTo(expected, 6)
        }
  })
})
