import {
  antiDrift,
  frequencyCompensated,
  type Loss,
  mean,
  monoid,
  mse,
  rolledOnly,
  scaled,
  squaredError,
  sum,
} from 'deriva/loss'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LossValues, runLoss } from './run-loss.js'

const shape = [2, 3]
const numbers = fc.array(
  fc.float({ min: Math.fround(-3), max: 3, noNaN: true }).filter((x) => Math.abs(x) > 0.05),
  {
    minLength: 6,
    maxLength: 6,
  },
)
const values: fc.Arbitrary<LossValues> = fc.record({
  shape: fc.constant(shape),
  prediction: numbers,
  target: numbers,
  latents: numbers.map((xs) => xs.map((x) => x + 5)),
  data: numbers,
  clean: numbers,
  rolled: fc.array(fc.constantFrom(0, 1), { minLength: 2, maxLength: 2 }),
})
const rows = (xs: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => [
  xs.slice(0, 3),
  xs.slice(3),
]
const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.reduce((s, x, i) => s + x * b[i], 0)
const check = (property: (v: LossValues) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(values, property), { numRuns: 15 })

describe('mean squared error', () => {
  it('is the mean of squares, and its gradient 2·(prediction − target)/N', () =>
    check(async (v) => {
      const { total, gradient } = await runLoss(mse, v)
      const e = v.prediction.map((x, i) => x - v.target[i])
      expect(total).toBeCloseTo(dot(e, e) / 6, 4)
      gradient.forEach((g, i) => {
        expect(g).toBeCloseTo((2 * e[i]) / 6, 5)
      })
    }))
})

describe('anti-drift', () => {
  const everywhere = antiDrift({ on: 'all' })

  it('is 2 − 2·cos of prediction and drift direction, between 0 and 4', () =>
    check(async (v) => {
      const { terms } = await runLoss(everywhere, v)
      rows(v.prediction).forEach((p, i) => {
        const d = rows(v.latents)[i].map((x, e) => x - rows(v.data)[i][e])
        const cosine = dot(p, d) / Math.sqrt(dot(p, p) * dot(d, d))
        expect(terms['anti_drift'][i]).toBeCloseTo(2 - 2 * cosine, 4)
        expect(terms['anti_drift'][i]).toBeGreaterThanOrEqual(0)
        expect(terms['anti_drift'][i]).toBeLessThanOrEqual(4.0001)
      })
    }))

  it('does not see the length of the prediction, and its gradient is orthogonal to it', () =>
    check(async (v) => {
      const { terms, gradient } = await runLoss(everywhere, v)
      const longer = await runLoss(everywhere, { ...v, prediction: v.prediction.map((x) => 7 * x) })
      terms['anti_drift'].forEach((x, i) => {
        expect(longer.terms['anti_drift'][i]).toBeCloseTo(x, 4)
      })
      rows(gradient).forEach((g, i) => {
        const p = rows(v.prediction)[i]
        expect(Math.abs(dot(g, p)) / Math.sqrt(dot(p, p))).toBeLessThan(1e-5)
      })
    }))

  it('has a finite gradient where a model predicts nothing yet', async () => {
    const [v] = fc.sample(values, 1)
    const { gradient, total } = await runLoss(everywhere, { ...v, prediction: v.prediction.map(() => 0) })
    expect([total, ...gradient].every(Number.isFinite)).toBe(true)
  })

  it('counts rolled-out samples only, unless asked otherwise', () =>
    check(async (v) => {
      const { terms } = await runLoss(antiDrift(), v)
      const all = await runLoss(everywhere, v)
      v.rolled?.forEach((rolled, i) => {
        expect(terms['anti_drift'][i]).toBeCloseTo(rolled * all.terms['anti_drift'][i], 5)
      })
    }))
})

describe('frequency compensation', () => {
  it('changes nothing for samples that did not move, and nothing at alpha = 0', () =>
    check(async (v) => {
      const plain = await runLoss(mse, v)
      const still = await runLoss(mean('mse', frequencyCompensated(1)(squaredError)), {
        ...v,
        rolled: [0, 0],
      })
      const off = await runLoss(mean('mse', frequencyCompensated(0)(squaredError)), v)
      expect(still.total).toBeCloseTo(plain.total, 5)
      expect(off.total).toBe(plain.total)
      expect(off.reads).not.toContain('clean')
    }))

  it('weighs elements by 1 + alpha·Δ/Σ|Δ| per sample', () =>
    check(async (v) => {
      const { terms } = await runLoss(mean('mse', frequencyCompensated(0.5)(squaredError)), {
        ...v,
        rolled: [1, 1],
      })
      rows(v.prediction).forEach((p, i) => {
        const bias = rows(v.clean ?? [])[i].map((c, e) => c - p[e])
        const norm = Math.max(
          1e-6,
          bias.reduce((s, x) => s + Math.abs(x), 0),
        )
        const expected =
          p.reduce((s, x, e) => s + (1 + (0.5 * bias[e]) / norm) * (x - rows(v.target)[i][e]) ** 2, 0) / 3
        expect(terms['mse'][i]).toBeCloseTo(expected, 3)
      })
    }))
})

describe('losses', () => {
  it('report terms of one name each under its own, however they are put together', () => {
    const one = mean('one', squaredError)
    const namesOf = ({ terms }: Loss<'flow_matching'>) => terms.map(({ name }) => name)
    expect(namesOf(sum(mse, one, scaled(2)(mse), mse))).toEqual(['mse', 'one', 'mse_2', 'mse_3'])
    expect(namesOf(sum(sum(mse, mse), mse))).toEqual(namesOf(sum(mse, sum(mse, mse))))
  })

  it('form a monoid, and scaling is linear', () =>
    check(async (v) => {
      const { concat, empty } = monoid<'flow_matching'>()
      const [a, b]: ReadonlyArray<Loss<'flow_matching'>> = [mse, antiDrift({ on: 'all' })]
      const total = async (loss: Loss<'flow_matching'>): Promise<number> => (await runLoss(loss, v)).total
      const [ta, tb] = [await total(a), await total(b)]
      expect(await total(concat(a, empty))).toBeCloseTo(ta, 5)
      expect(await total(concat(empty, a))).toBeCloseTo(ta, 5)
      expect(await total(concat(a, scaled(3)(b)))).toBeCloseTo(ta + 3 * tb, 3)
      expect(await total(sum(scaled(0.5)(a), b))).toBeCloseTo(0.5 * ta + tb, 4)
    }))

  it('reads predictions at the ideal latents only where a term needs them', async () => {
    const [v] = fc.sample(values, 1)
    expect((await runLoss(sum<'flow_matching'>(mse, antiDrift()), v)).reads).not.toContain('clean')
    expect((await runLoss(rolledOnly(mean('fc', frequencyCompensated(1)(squaredError))), v)).reads).toContain(
      'clean',
    )
  })

  it('teaches no direction where there is none: a model that starts out predicting zeros', async () => {
    const zeros = [0, 0, 0, 0, 0, 0]
    const { gradient, total } = await runLoss(antiDrift(), {
      shape,
      prediction: zeros,
      target: zeros,
      latents: [1, 2, 3, 4, 5, 6],
      data: zeros,
      rolled: [1, 1],
    })
    expect([...gradient]).toEqual(zeros)
    expect(total).toBeCloseTo(1)
  })
})
