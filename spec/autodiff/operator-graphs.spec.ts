import { gradWith, rules, unaryRule } from 'deriva/autodiff'
import * as onnx from 'deriva/onnx'
import { constant, mul, sub, topological, type OperatorName, type Value } from 'deriva/onnx'
import { size, type Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { gradientError, noise, tensorFrom, weighed, type Precision } from './central-differences.js'
import { probes, spaced, spacing, type Probe } from './probes.js'

/**
 * Graphs of every operator that has a gradient: the probes in a random order, each fed from values that others left, in float64
 * where ONNX Runtime's CPU computes all of them so and in float32 elsewhere.
 */

type Form = { readonly operator: string; readonly probe: Probe }

const forms: ReadonlyArray<Form> = Object.entries(probes).flatMap(([operator, entry]) =>
  typeof entry === 'string' ? [] : entry.map((probe) => ({ operator, probe })),
)

const shuffled = <A>(all: ReadonlyArray<A>, seed: number): ReadonlyArray<A> => {
  const next = noise(seed)
  return all
    .map((a) => [next(), a] as const)
    .sort(([a], [b]) => a - b)
    .map(([, a]) => a)
}

const hands = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))

const double = forms.filter(({ probe }) => !probe.single)
const single = forms.filter(({ probe }) => probe.single)

type Case = { readonly precision: Precision; readonly hand: ReadonlyArray<Form>; readonly seed: number }

/** Every form once in a graph of its kind; of the others some stand among those that only float32 knows. */
const cases: ReadonlyArray<Case> = [
  ...hands(shuffled(double, 1), 5).map((hand) => ({ precision: 'float64' as const, hand })),
  ...hands(shuffled([...single, ...shuffled(double, 2).slice(0, single.length)], 3), 4).map((hand) => ({
    precision: 'float32' as const,
    hand,
  })),
].map((one, seed) => ({ ...one, seed }))

/** What an operand is told from a value: as many elements as it takes, each turned by a phase of its own, where it may be. */
const operand = (
  { dims, domain }: Probe['operands'][number],
  from: Value,
  precision: Precision,
  kinked: boolean,
  next: () => number,
): Value => {
  const count = size(dims)
  const data = (f: (i: number) => number): Value => {
    let i = -1
    return constant(tensorFrom(precision, [count], () => f((i += 1))))
  }
  const flat = onnx.reshape(from, [-1])
  const times = Math.ceil(count / size(from.shape.map(Number)))
  const enough = onnx.slice(onnx.tile(flat, [times]), [0], [count], [0])
  const wave = onnx.sin(
    onnx.add(
      enough,
      data(() => 2 * next()),
    ),
  )
  // Beside numbers that have to stay apart nothing moves so far that it meets one.
  const placed = {
    real: () => mul(wave, 1.5),
    positive: () => onnx.add(mul(wave, kinked ? 0.05 : 0.4), kinked ? 0.75 : 0.9),
    unit: () => mul(wave, kinked ? 0.05 : 0.6),
    apart: () =>
      onnx.add(
        mul(wave, 0.1 * spacing(count)),
        data((i) => spaced(i, count)),
      ),
  }[domain]()
  return onnx.reshape(placed, dims)
}

const lossOf =
  ({ hand, precision, seed }: Case) =>
  (parameters: ReadonlyArray<Value>): Value => {
    const next = noise(1000 + seed)
    const pick = (values: ReadonlyArray<Value>): Value =>
      values[Math.floor(((next() + 1) / 2) * values.length) % values.length]
    const values = hand.reduce<ReadonlyArray<Value>>((so, { probe }) => {
      const kinked = probe.operands.some(({ domain }) => domain === 'apart')
      const built = probe.build(
        ...probe.operands.map((one) => operand(one, pick(so), precision, kinked, next)),
      )
      return [...so, ...('node' in built ? [built] : built)]
    }, parameters)
    return weighed(values.slice(parameters.length), seed)
  }

const pointsOf = ({ precision, seed }: Case): ReadonlyArray<Tensor> => {
  const next = noise(2000 + seed)
  return [
    [3, 4],
    [2, 5],
  ].map((dims) => tensorFrom(precision, dims, next))
}

const tolerance: Readonly<Record<Precision, number>> = { float64: 1e-6, float32: 3e-3 }

const differentiable = (Object.keys(rules) as ReadonlyArray<OperatorName>).filter(
  (name) => typeof rules[name] === 'function',
)

const namesOf = ({ hand }: Case): string => hand.map(({ operator }) => operator).join(', ')

describe('gradients of graphs of every operator', () => {
  it('see every operator that has a rule', () => {
    const seen = cases.flatMap((one) =>
      topological([lossOf(one)(pointsOf(one).map((point, i) => onnx.parameter(`p${i}`, point)))]).flatMap(
        (node) => (node.kind === 'operator' ? [node.operator] : []),
      ),
    )
    expect(differentiable.filter((name) => !seen.includes(name))).toEqual([])
  })

  it.each(cases.map((one) => [`${namesOf(one)} (${one.precision})`, one] as const))('%s', async (_, one) => {
    expect(await gradientError(lossOf(one), pointsOf(one), one.precision)).toBeLessThan(
      tolerance[one.precision],
    )
  })

  it('are noticed to be wrong where one rule is off by one percent', async () => {
    const wrong = gradWith({ ...rules, Tanh: unaryRule((dy, _, y) => mul(mul(dy, 1.01), sub(1, mul(y, y)))) })
    const withTanh = cases.filter(({ hand }) => hand.some(({ operator }) => operator === 'Tanh'))
    expect(withTanh.length).toBeGreaterThan(0)
    for (const one of withTanh)
      expect(await gradientError(lossOf(one), pointsOf(one), one.precision, wrong)).toBeGreaterThan(
        tolerance[one.precision],
      )
  })
})
