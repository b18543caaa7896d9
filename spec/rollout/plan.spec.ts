import { readFileSync } from 'node:fs'
import { plan, plannedEvaluations, type PlanOptions, strategyNames } from 'deriva/rollout'
import { ddpm, flow } from 'deriva/path'
import { karras, rk4, shifted, trailing } from 'deriva/solver'
import fc from 'fast-check'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'

/** SimpleTuner's plan, executed; the exact probabilities follow from its formulas. */
const Offsets = t.type({
  entries: t.array(
    t.type({
      strategy: t.keyof(
        Object.fromEntries(strategyNames.map((name) => [name, null])) as Record<
          (typeof strategyNames)[number],
          null
        >,
      ),
      max_step_offset: t.number,
      apply_probability: t.union([t.number, t.null]),
      exact_probability: t.array(t.number),
    }),
  ),
})
const file: unknown = JSON.parse(
  readFileSync(new URL('../fixtures/solvers/scheduled-sampling-offsets.json', import.meta.url), 'utf8'),
)
const offsets = Offsets.is(file) ? file : { entries: [] }

const ids = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i)
const at = { seed: 5, step: 0 }
const path = flow()

describe('plan', () => {
  it.each<readonly [string, PlanOptions]>([
    ['a probability that is no number', { maxStepOffset: 4, probability: () => NaN }],
    ['a probability in per cent', { maxStepOffset: 4, probability: () => 50 }],
    ['half a step', { maxStepOffset: 2.5, probability: () => 1 }],
    ['steps backwards', { maxStepOffset: -3, probability: () => 1 }],
    ['steps of no length', { maxStepOffset: 4, probability: () => 1, stride: 0 }],
  ])('refuses %s', (_, options) => {
    expect(() => plan(options, at, ids(2), [500, 600], path)).toThrow(RangeError)
  })

  it('draws every length 0 … max alike for the samples that the probability chooses', () => {
    const n = 40_000
    const spans = plan(
      { maxStepOffset: 10, probability: () => 0.5 },
      at,
      ids(n),
      new Float32Array(n).fill(500),
      path,
    )
    const counts = new Uint32Array(11)
    spans.forEach(({ source, target }) => counts[source - target]++)
    const expected = Array.from(counts, (_, k) => n * (k === 0 ? 0.5 + 0.5 / 11 : 0.5 / 11))
    const chiSquared = expected.reduce((sum, e, k) => sum + (counts[k] - e) ** 2 / e, 0)
    expect(chiSquared).toBeLessThan(29.6) // 10 degrees of freedom, p = 0.001
  })

  it.each(offsets.entries)(
    '$strategy up to $max_step_offset draws lengths as often as the reference says',
    ({ strategy, max_step_offset, apply_probability, exact_probability }) => {
      const n = 40_000
      const options = { maxStepOffset: max_step_offset, probability: () => apply_probability ?? 1, strategy }
      const counts = new Uint32Array(max_step_offset + 1)
      plan(options, at, ids(n), new Float32Array(n).fill(500), path).forEach(
        ({ source, target }) => counts[source - target]++,
      )
      counts.forEach((count, k) => {
        const p = exact_probability[k]
        expect(Math.abs(count - n * p) / Math.sqrt(n * p * (1 - p))).toBeLessThan(5)
      })
    },
  )

  it('has its reference cases', () => {
    expect(offsets.entries.length).toBe(6)
  })

  it('always takes the longest where it is told to', () => {
    const options = { maxStepOffset: 4, probability: () => 1, strategy: 'longest' } as const
    for (const { source, target } of plan(options, at, ids(50), new Float32Array(50).fill(300), path))
      expect(source - target).toBe(4)
  })

  it('counts steps of its stride', () => {
    const spans = plan(
      { maxStepOffset: 4, probability: () => 1, stride: 25 },
      at,
      ids(200),
      new Float32Array(200).fill(300),
      path,
    )
    expect(new Set(spans.map(({ source }) => source))).toEqual(new Set([300, 325, 350, 375, 400]))
  })

  it('rolls nothing out at probability 0 or offset 0, and everything that draws a length at probability 1', () => {
    const targets = new Float32Array(500).fill(300)
    const moved = (maxStepOffset: number, p: number): number =>
      plan({ maxStepOffset, probability: () => p }, at, ids(500), targets, path).filter(
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
          path,
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
          const whole = plan(options, { seed, step: 2 }, ids(8), ids(8).map(targets), path)
          const part = plan(options, { seed, step: 2 }, Uint32Array.from(order), order.map(targets), path)
          expect(part).toEqual(order.map((i) => whole[i]))
        },
      ),
    )
  })

  it('steps along the grid of deployment: k points above the target, as many as there are', () => {
    const n = 300
    const grid = shifted(path, trailing(path, 20), 3)
    const target = 613
    const above = grid.filter(({ timestep }) => timestep > target)
    const spans = plan(
      { maxStepOffset: 4, probability: () => 1, grid },
      at,
      ids(n),
      new Float32Array(n).fill(target),
      path,
    )
    const lengths = new Set<number>()
    for (const span of spans) {
      const k = span.grid.length - 1
      lengths.add(k)
      expect(span.grid).toEqual([...above.slice(above.length - k), path.at(target)])
      expect(span.source).toBe(span.grid[0].timestep)
    }
    expect(lengths).toEqual(new Set([0, 1, 2, 3, 4]))
    // Above 980 of 20 steps at shift 3 there is pure noise alone: whatever length is drawn, one step is left.
    const near = plan(
      { maxStepOffset: 4, probability: () => 1, grid },
      at,
      ids(n),
      new Float32Array(n).fill(985),
      path,
    )
    expect(new Set(near.map((span) => span.grid.length))).toEqual(new Set([1, 2]))
    expect(Math.max(...near.map(({ source }) => source))).toBe(1000)
  })

  it('starts at the next point of the grid where the target is one', () => {
    for (const grid of [trailing(path, 10), shifted(path, trailing(path, 10), 1.7), karras(path, 10)])
      for (let i = 1; i < 10; i++) {
        const spans = plan(
          { maxStepOffset: 1, probability: () => 1, grid },
          at,
          ids(9),
          new Float32Array(9).fill(grid[i].timestep),
          path,
        )
        for (const span of spans)
          if (span.grid.length > 1)
            expect(span.grid.map(({ timestep }) => timestep)[0]).toBe(grid[i - 1].timestep)
      }
  })

  it('follows trajectories from pure noise all the way, where that is no longer than the longest rollout', () => {
    const ways = [
      { stride: 40, steps: (t: number) => Math.ceil((1000 - t) / 40) },
      { grid: trailing(path, 20), steps: (t: number) => Math.ceil((1000 - t) / 50) },
    ]
    for (const { steps, ...way } of ways)
      fc.assert(
        fc.property(
          fc.nat(1000),
          fc.integer({ min: 1, max: 30 }),
          fc.nat(),
          (target, maxStepOffset, seed) => {
            const options = { ...way, maxStepOffset, probability: () => 1, source: 'trajectory' } as const
            const [{ grid, from }] = plan(options, { seed, step: 1 }, ids(1), [target], path)
            const length = steps(target)
            expect(from).toBe('trajectory')
            expect(grid.length - 1).toBe(length <= maxStepOffset ? length : 0)
            expect(grid[grid.length - 1].timestep).toBe(target)
            if (grid.length > 1) expect(grid[0].timestep).toBe(1000)
          },
        ),
      )
  })

  it('says exactly what a rollout will cost', () => {
    const options = { maxStepOffset: 10, probability: () => 0.5 }
    const spans = plan(
      options,
      at,
      ids(100),
      ids(100).map((i) => 10 * i + 5),
      path,
    )
    const steps = spans.reduce((sum, { source, target }) => sum + source - target, 0)
    expect(steps).toBeGreaterThan(100)
    expect(plannedEvaluations(rk4(), path, 'flow_matching', spans)).toBe(4 * steps)
    const ending = ddpm({ betaSchedule: 'linear' })
    const last = plan(
      { ...options, probability: () => 1 },
      at,
      ids(50),
      new Float32Array(50).fill(999),
      ending,
    )
    expect(plannedEvaluations(rk4(), ending, 'epsilon', last)).toBe(0)
  })
})
