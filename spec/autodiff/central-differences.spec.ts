import { grad, gradWith, rules, unaryRule } from 'deriva/autodiff'
import { mul, sub, type OperatorName, type Value } from 'deriva/onnx'
import { float32, size, type Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { gradientError, noise, weighed, type Precision } from './central-differences.js'
import { probes, spaced, type Domain, type Probe } from './probes.js'
import { right } from '../either.js'

const elements: Readonly<Record<Domain, (count: number, next: () => number) => Float64Array>> = {
  real: (length, next) => Float64Array.from({ length }, () => 1.5 * next()),
  positive: (length, next) => Float64Array.from({ length }, () => 0.9 + 0.5 * next()),
  unit: (length, next) => Float64Array.from({ length }, () => 0.6 * next()),
  apart: (length) => Float64Array.from({ length }, (_, i) => spaced(i, length)),
}

const pointsOf = ({ operands }: Probe, precision: Precision): ReadonlyArray<Tensor> => {
  const next = noise(3)
  return operands.map(({ dims, domain }) => {
    const data = elements[domain](size(dims), next)
    return precision === 'float64' ? { type: precision, dims, data } : float32(dims, Float32Array.from(data))
  })
}

const outputsOf = (probe: Probe, values: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  const built = probe.build(...values)
  return 'node' in built ? [built] : built
}

const precisionOf = ({ single }: Probe): Precision => (single ? 'float32' : 'float64')

const tolerance: Readonly<Record<Precision, number>> = { float32: 1e-3, float64: 1e-7 }

const cases = Object.entries(probes).flatMap(([operator, entry]) =>
  typeof entry === 'string' ? [] : entry.map((probe, i) => ({ operator, form: i + 1, probe })),
)

describe('every rule against central differences', () => {
  it.each(cases)('$operator, form $form', async ({ probe }) => {
    const precision = precisionOf(probe)
    const error = await gradientError(
      (values) => weighed(outputsOf(probe, values), 11),
      pointsOf(probe, precision),
      precision,
    )
    expect(error).toBeLessThan(tolerance[precision])
  })

  it.each(cases)('$operator, form $form, differentiated twice', async ({ probe }) => {
    const precision = precisionOf(probe)
    const slope = (values: ReadonlyArray<Value>): Value => {
      const loss = weighed(outputsOf(probe, values), 11)
      // Squared, so that a linear operator has a second derivative too.
      return weighed(right(grad(mul(loss, loss), values)), 13)
    }
    expect(await gradientError(slope, pointsOf(probe, precision), precision)).toBeLessThan(
      tolerance[precision],
    )
  })

  it('has nothing to check where the table says so', () => {
    const names = Object.keys(probes) as ReadonlyArray<OperatorName>
    const said = (entry: unknown): string => (typeof entry === 'string' ? entry : 'rule')
    const table = (entry: unknown): string =>
      typeof entry === 'function' ? 'rule' : typeof entry === 'string' ? entry : 'refused'
    expect(names.map((name) => [name, said(probes[name])])).toEqual(
      names.map((name) => [name, table(rules[name])]),
    )
  })

  it('notices a rule that is off by one percent', async () => {
    const wrong = gradWith({ ...rules, Tanh: unaryRule((dy, _, y) => mul(mul(dy, 1.01), sub(1, mul(y, y)))) })
    const [probe] = probes.Tanh === 'flat' || probes.Tanh === 'refused' ? [] : probes.Tanh
    const points = pointsOf(probe, 'float64')
    const loss = (values: ReadonlyArray<Value>): Value => weighed(outputsOf(probe, values), 11)
    expect(await gradientError(loss, points, 'float64', grad)).toBeLessThan(tolerance.float64)
    expect(await gradientError(loss, points, 'float64', wrong)).toBeGreaterThan(tolerance.float32)
  })
})
