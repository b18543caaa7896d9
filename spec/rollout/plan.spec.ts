import { plan, ramp } from 'deriva/rollout'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const ids = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i)
const at = { seed: 5, step: 0 }

describe('plan', () => {
  it('draws every length 0 … max alike for the samples that the probability chooses', () => {
    const n = 40_000
    const spans = plan(
      { maxStepOffset: 10, probability: () => 0.5 },
      at,
      ids(n),
      new Float32Array(n).fill(500),
      1000,
    )
    const counts = new Uint32Array(11)
    spans.forEach(({ source, target }) => counts[source - target]++)
    const expected = Array.from(counts, (_, k) => n * (k === 0 ? 0.5 + 0.5 / 11 : 0.5 / 11))
    const chiSquared = expected.reduce((sum, e, k) => sum + (counts[k] - e) ** 2 / e, 0)
    expect(chiSquared).toBeLessThan(29.6) // 10 degrees of freedom, p = 0.001
  })

  it('rolls nothing out at probability 0 or offset 0, and everything that draws a length at probability 1', () => {
    const targets = new Float32Array(500).fill(300)
    const moved = (maxStepOffset: number, p: number): number =>
      plan({ maxStepOffset, probability: () => p }, at, ids(500), targets, 1000).filter(
        (s) => s.source > s.target,
      ).length
    expect(moved(10, 0)).toBe(0)
    expect(moved(0, 1)).toBe(0)
    expect(moved(1000, 1)).toBeGreaterThan(490)
  })

  it('keeps the target and never leaves the grid', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 0, max: 900 }), fc.nat(), (target, maxStepOffset, seed) => {
        const [span] = plan(
          { maxStepOffset, probability: () => 1 },
          { seed, step: 1 },
          ids(1),
          [target],
          1000,
        )
        expect(span.target).toBe(target)
        expect(span.source).toBeGreaterThanOrEqual(target)
        expect(span.source).toBeLessThanOrEqual(Math.min(1000, target + maxStepOffset))
      }),
    )
  })

  it('gives a sample the same span whatever the order of the batch', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 1 }),
        fc.nat(),
        (order, seed) => {
          const options = { maxStepOffset: 10, probability: () => 0.5 }
          const targets = (i: number): number => 100 * i + 50
          const whole = plan(options, { seed, step: 2 }, ids(8), ids(8).map(targets), 1000)
          const part = plan(options, { seed, step: 2 }, Uint32Array.from(order), order.map(targets), 1000)
          expect(part).toEqual(order.map((i) => whole[i]))
        },
      ),
    )
  })
})

describe('ramp', () => {
  it('is linear between its ends and constant outside', () => {
    const p = ramp({ from: 0.1, to: 0.5, steps: 100, startStep: 50 })
    expect([0, 49, 50, 100, 150, 1000].map(p)).toEqual([0.1, 0.1, 0.1, expect.closeTo(0.3, 12), 0.5, 0.5])
  })

  it('may fall, and 0 is 0', () => {
    const p = ramp({ from: 1, to: 0, steps: 10 })
    expect([0, 5, 10].map(p)).toEqual([1, 0.5, 0])
  })

  it('without a length jumps at its start', () => {
    const p = ramp({ from: 0, to: 1, steps: 0, startStep: 3 })
    expect([2, 3, 4].map(p)).toEqual([0, 1, 1])
  })
})
