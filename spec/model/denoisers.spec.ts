import * as E from 'fp-ts/lib/Either.js'
import { grad } from 'deriva/autodiff'
import { dit, mlp, type Model, parameterCount, unet } from 'deriva/model'
import { input, isStatic, leaves, mul, reduceMean, substitute, type Value } from 'deriva/onnx'
import { float32, int64, size, type Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { evaluate } from './evaluate.js'

/** What every builder promises. */

type Build = (options: { readonly seed: number; readonly classes?: number }) => Model<'flow_matching'>

const parameterisation = 'flow_matching'

const builders: ReadonlyArray<readonly [string, Build]> = [
  ['dit', (o) => dit({ parameterisation, sample: [1, 8, 8], patch: 4, width: 16, depth: 2, heads: 2, ...o })],
  [
    'unet',
    (o) =>
      unet({ parameterisation, sample: [1, 8, 8], patch: 1, width: 8, levels: 2, depth: 1, heads: 2, ...o }),
  ],
  ['mlp', (o) => mlp({ parameterisation, sample: [2, 3], width: 16, depth: 2, ...o })],
]

const parametersOf = (model: Model<'flow_matching'>) =>
  leaves([model.prediction]).flatMap(({ node }) => (node.kind === 'parameter' ? [node] : []))

/** Weights in which nothing is zero, so that what a model computes depends on all of it. */
const stirred = ({ prediction, ...model }: Model<'flow_matching'>): Model<'flow_matching'> => {
  const [value] = substitute([prediction], (leaf) =>
    leaf.node.kind === 'parameter' ? shaken(leaf) : undefined,
  )
  return { ...model, prediction: value }
}

const shaken = (leaf: Value): Value | undefined => {
  if (leaf.node.kind !== 'parameter' || leaf.node.initial.type !== 'float32') return undefined
  const { dims, data } = leaf.node.initial
  const node = {
    ...leaf.node,
    initial: float32(
      dims,
      data.map((x, i) => x + 0.1 * Math.cos(7 * i + dims.length)),
    ),
  }
  return { ...leaf, node }
}

const batch = (
  model: Model<'flow_matching'>,
  rows: ReadonlyArray<number>,
  classes?: number,
): Record<string, Tensor> => {
  const n = size(model.sample)
  return {
    latents: float32(
      [rows.length, ...model.sample],
      rows.flatMap((r) => Array.from({ length: n }, (_, i) => Math.sin(r + i))),
    ),
    timestep: float32(
      [rows.length],
      rows.map((r) => (137 * r) % 1000),
    ),
    ...(classes === undefined
      ? {}
      : {
          label: int64(
            [rows.length],
            rows.map((r) => r % (classes + 1)),
          ),
        }),
  }
}

describe.each(builders)('%s', (_, build) => {
  it('takes latents, timesteps and labels of any number, and predicts one latent each', async () => {
    const model = build({ seed: 1, classes: 3 })
    expect(model.prediction.shape).toEqual(['batch', ...model.sample])
    for (const rows of [[0], [0, 1, 2]]) {
      const out = await evaluate(model.prediction, batch(model, rows, 3))
      expect(out.dims).toEqual([rows.length, ...model.sample])
    }
  })

  it('has no label input without classes', () => {
    const names = leaves([build({ seed: 1 }).prediction]).flatMap(({ node }) =>
      node.kind === 'input' ? [node.name] : [],
    )
    expect(names.sort()).toEqual(['latents', 'timestep'])
  })

  it('predicts zero before it has learnt anything', async () => {
    const model = build({ seed: 1, classes: 3 })
    const { data } = await evaluate(model.prediction, batch(model, [0, 1, 2], 3))
    expect(Array.from(data, Number).every((x) => x === 0)).toBe(true)
  })

  it('treats samples alone: packing changes nothing beyond rounding', async () => {
    const model = stirred(build({ seed: 1, classes: 3 }))
    const n = size(model.sample)
    const together = await evaluate(model.prediction, batch(model, [0, 1, 2, 3], 3))
    for (const row of [0, 1, 2, 3]) {
      const alone = await evaluate(model.prediction, batch(model, [row], 3))
      for (let i = 0; i < n; i++) expect(alone.data[i]).toBeCloseTo(Number(together.data[row * n + i]), 4)
    }
  })

  it('reads latent, timestep and label', async () => {
    const model = stirred(build({ seed: 1, classes: 3 }))
    const inputs = batch(model, [1], 3)
    const before = (await evaluate(model.prediction, inputs)).data
    for (const other of [
      { latents: batch(model, [2], 3).latents },
      { timestep: float32([1], [900]) },
      { label: int64([1], [3]) },
    ]) {
      expect((await evaluate(model.prediction, { ...inputs, ...other })).data).not.toEqual(before)
    }
  })

  it('draws the same weights from the same seed, others from another, each under a name of its own', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => parametersOf(build({ seed, classes: 3 })))
    expect(a).toEqual(b)
    expect(a.map(({ name }) => name)).toEqual(c.map(({ name }) => name))
    const random = a.filter(({ initial }) => new Set<number | bigint>(initial.data).size > 1)
    expect(random.length).toBeGreaterThan(0)
    for (const { name, initial } of random)
      expect(c.find((other) => other.name === name)?.initial).not.toEqual(initial)
    expect(new Set(a.map(({ name }) => name)).size).toBe(a.length)
    expect(parameterCount(build({ seed: 1, classes: 3 }))).toBe(
      a.reduce((n, { initial }) => n + size(initial.dims), 0),
    )
  })

  it('has a finite gradient with respect to every weight once the batch is a number', async () => {
    const model = stirred(build({ seed: 1, classes: 3 }))
    const [prediction] = substitute([model.prediction], ({ node, type, shape }) =>
      node.kind === 'input'
        ? input(
            node.name,
            type,
            shape.map((dim) => (dim === 'batch' ? 2 : dim)),
          )
        : undefined,
    )
    expect(isStatic(prediction.shape)).toBe(true)
    const weights = leaves([prediction]).filter(({ node }) => node.kind === 'parameter')
    const gradients = grad(reduceMean(mul(prediction, prediction), undefined, false), weights)
    if (E.isLeft(gradients)) throw new Error(gradients.left.message)
    expect(gradients.right.map(({ shape }) => shape)).toEqual(weights.map(({ shape }) => shape))
    const every = gradients.right
      .map((g) => reduceMean(mul(g, g), undefined, false))
      .reduce((product, g) => mul(product, g))
    // A product is finite only where every factor is.
    expect(Number.isFinite(Number((await evaluate(every, batch(model, [0, 1], 3))).data[0]))).toBe(true)
  })
})
