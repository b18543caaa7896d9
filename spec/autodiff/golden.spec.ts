import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { toNumbers } from '../../lib/onnx/element.js'
import { goldenCase, goldenCases, tensorOf, type GoldenCase } from '../golden/gradients.js'
import { adamw, started, type Moments } from './adamw.js'
import { norm, relativeDistance, runTraining, training, type Training } from './training.js'

/** Gradients of every golden graph against PyTorch's in float64; tolerances by the rules of spec/fixtures/gradients/README.md. */

const gradientTolerance = 1e-4

/** The relative gradient error of every parameter and input. */
const gradientErrors = async (
  golden: GoldenCase,
  graph: Training,
): Promise<ReadonlyArray<readonly [string, number]>> => {
  const results = await runTraining(graph, golden, graph.initial)
  const references = [...golden.tensors].filter(([key]) => key.startsWith('grad/'))
  const all = norm(Float64Array.from(references.flatMap(([, tensor]) => [...toNumbers(tensor)])))
  expect(relativeDistance(results.loss, tensorOf(golden, 'loss'), 0)).toBeLessThan(1e-5)
  expect(Object.keys(results)).toEqual(expect.arrayContaining(references.map(([key]) => key)))
  return references.map(
    ([key, reference]) => [key, relativeDistance(results[key], reference, 1e-6 * all)] as const,
  )
}

/** Parameters after one, two and three AdamW steps on the same batch. */
const trajectory = async (
  golden: GoldenCase,
  graph: Training,
): Promise<ReadonlyArray<Readonly<Record<string, Float64Array>>>> => {
  const settings = golden.meta.adamw
  if (settings === null) return []
  const trained = graph.parameters.filter((name) => golden.meta.trainable.includes(name))
  let state: Record<string, Moments> = Object.fromEntries(
    trained.map((name) => [name, started(toNumbers(graph.initial[name]))]),
  )
  const steps: Record<string, Float64Array>[] = []
  for (const t of [1, 2, 3]) {
    const rounded = Object.entries(state).map(
      ([name, { p }]) => [name, float32(graph.initial[name].dims, Float32Array.from(p))] as const,
    )
    const results = await runTraining(graph, golden, { ...graph.initial, ...Object.fromEntries(rounded) })
    state = Object.fromEntries(
      Object.entries(state).map(([name, moments]) => [
        name,
        adamw(moments, toNumbers(results[`grad/param/${name}`]), t, settings),
      ]),
    )
    steps.push(Object.fromEntries(Object.entries(state).map(([name, { p }]) => [name, p])))
  }
  return steps
}

/** How far a parameter's change after `steps` steps is from the reference, in units of the allowed distance. */
const stepError = (
  golden: GoldenCase,
  name: string,
  steps: 1 | 3,
  before: Float64Array,
  after: Float64Array,
): number => {
  const settings = golden.meta.adamw
  if (settings === null) return 0
  const { lr, weight_decay } = settings
  const smallest = golden.meta.suggested_tolerance.adamw_min_abs_grad ?? 0
  const expected = toNumbers(tensorOf(golden, `adamw${steps}/${name}`))
  const gradient = toNumbers(tensorOf(golden, `grad/param/${name}`))
  return before.reduce((worst, p, i) => {
    const change = after[i] - p
    // The reference is rounded to float32, and below the smallest gradient a step is rounding noise of size lr.
    const rounding = 6e-8 * Math.abs(p)
    const error =
      Math.abs(gradient[i]) >= smallest
        ? Math.abs(after[i] - expected[i]) / (0.01 * lr + rounding)
        : Math.abs(change) / (steps * lr * (1.01 + weight_decay * Math.abs(p)))
    return Math.max(worst, error)
  }, 0)
}

const prepared = async (path: string): Promise<{ readonly golden: GoldenCase; readonly graph: Training }> => {
  const golden = goldenCase(path)
  return { golden, graph: await training(golden) }
}

describe('the gradients of', () => {
  it.each(goldenCases)('$path are PyTorch’s', async ({ path }) => {
    const { golden, graph } = await prepared(path)
    const errors = await gradientErrors(golden, graph)
    await graph.session.release()
    expect(errors.length).toBeGreaterThan(0)
    expect(errors.filter(([, error]) => !(error <= gradientTolerance))).toEqual([])
  })
})

const trainable = goldenCases.filter(({ path }) => {
  const { adamw, trainable } = goldenCase(path).meta
  return adamw !== null && trainable.length > 0
})

describe('the parameters after one and three AdamW steps of', () => {
  it.each(trainable)('$path are PyTorch’s', async ({ path }) => {
    const { golden, graph } = await prepared(path)
    const [one, , three] = await trajectory(golden, graph)
    await graph.session.release()
    const errors = Object.keys(one).flatMap((name) => {
      const before = toNumbers(graph.initial[name])
      return [
        [name, 1, stepError(golden, name, 1, before, one[name])] as const,
        [name, 3, stepError(golden, name, 3, before, three[name])] as const,
      ]
    })
    expect(errors.length).toBeGreaterThan(0)
    expect(errors.filter(([, , error]) => !(error <= 1))).toEqual([])
  })
})
