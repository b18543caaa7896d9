import { grad } from 'deriva/autodiff'
import { openSession } from 'deriva/engine'
import { atBatch, dit, inPrecision, mlp, type Model, unet } from 'deriva/model'
import { encode, input, leaves, mul, reduceMean, sub, topological, type Value } from 'deriva/onnx'
import { normal } from 'deriva/random'
import { float32, int64, size, type Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { norm, relativeDistance } from '../autodiff/training.js'
import { toNumbers } from '../../lib/onnx/element.js'
import { right } from '../either.js'

const batch = 4
const image = { parameterisation: 'epsilon', sample: [2, 8, 8], classes: 3, seed: 4 } as const
const models: Readonly<Record<string, Model<'epsilon'>>> = {
  dit: dit({ ...image, patch: 2, width: 16, depth: 2, heads: 2 }),
  unet: unet({ ...image, width: 8, levels: 2, patch: 1, heads: 2, groups: 4 }),
  mlp: mlp({ parameterisation: 'epsilon', sample: [6], classes: 3, seed: 4, width: 16, depth: 2 }),
}

const drawn = (sample: number, dims: ReadonlyArray<number>, deviation: number): Tensor =>
  float32(
    dims,
    normal({ seed: 2, purpose: 'noise', step: 0, sample }, new Float32Array(size(dims))).map(
      (x) => deviation * x,
    ),
  )

/** Loss, prediction and the gradients of all weights, with weights that are all random. */
const evaluated = async (model: Model<'epsilon'>): Promise<ReadonlyArray<Tensor>> => {
  const prediction = atBatch(model.prediction, batch)
  const difference = sub(prediction, input('target', 'float32', prediction.shape))
  const loss = reduceMean(mul(difference, difference), undefined, false)
  const weights = leaves([loss]).filter(({ node }) => node.kind === 'parameter')
  const gradients = right(grad(loss, weights))
  const values: ReadonlyArray<Value> = [loss, prediction, ...gradients]
  const outputs = Object.fromEntries(values.map((value, i) => [`v${i}`, value]))
  const feeds: Record<string, Tensor> = {
    latents: drawn(1, [batch, ...model.sample], 1),
    target: drawn(2, [batch, ...model.sample], 1),
    timestep: float32([batch], [1, 300, 600, 999]),
    label: int64([batch], [0, 1, 2, 3]),
  }
  for (const [i, { node }] of weights.entries())
    if (node.kind === 'parameter') feeds[node.name] = drawn(10 + i, node.initial.dims, 0.2)
  const session = right(await openSession(encode({ outputs, parameters: 'inputs' }), { threads: 1 })())
  const results = right(await session.run(feeds)())
  await session.release()
  return values.map((_, i) => results[`v${i}`])
}

describe.each(Object.keys(models))('a %s in another precision', (name) => {
  const model = models[name]

  it.each([
    ['float16', false, 2e-2],
    ['float16', true, 2e-2],
    ['bfloat16', true, 1e-1],
  ] as const)('%s (emulated: %s) agrees with float32', async (precision, emulated, tolerance) => {
    const expected = await evaluated(model)
    const found = await evaluated(inPrecision(precision, { emulated })(model))
    const largest = Math.max(...expected.slice(2).map((tensor) => norm(toNumbers(tensor))))
    found.forEach((tensor, i) => {
      expect(tensor.type).toBe('float32')
      // Gradients that are small beside the others are made of differences of large numbers.
      const distance = relativeDistance(tensor, expected[i], i < 2 ? 0 : 0.05 * largest)
      expect(distance, `value ${i}`).toBeLessThan(tolerance)
    })
    // Unless it is told to, ONNX Runtime's CPU need not round.
    if (emulated)
      expect(found.some((tensor, i) => relativeDistance(tensor, expected[i], 0) > 1e-4)).toBe(true)
  })

  it('multiplies in it, normalises in float32, and casts every weight once', () => {
    const { prediction } = inPrecision('float16')(model)
    expect(prediction.type).toBe('float32')
    const casts = new Map<string, number>()
    for (const node of topological([prediction])) {
      if (node.kind !== 'operator') continue
      const types = node.inputs.map((x) => x?.type)
      if (['MatMul', 'Conv', 'Gemm'].includes(node.operator))
        expect(new Set(types)).toEqual(new Set(['float16']))
      if (['LayerNormalization', 'Softmax'].includes(node.operator)) expect(types[0]).toBe('float32')
      if (node.operator === 'Cast' && node.inputs[0]?.node.kind === 'parameter')
        casts.set(node.inputs[0].node.name, (casts.get(node.inputs[0].node.name) ?? 0) + 1)
    }
    expect(casts.size).toBeGreaterThan(4)
    expect([...casts.values()].every((n) => n === 1)).toBe(true)
    for (const { node } of leaves([prediction]))
      if (node.kind === 'parameter') expect(node.initial.type).toBe('float32')
  })
})

describe('inPrecision', () => {
  it('is nothing in float32', () => {
    expect(inPrecision('float32')(models['mlp'])).toBe(models['mlp'])
  })

  it('in bfloat16 is refused by a device that has not got it, when it is compiled', async () => {
    const { prediction } = inPrecision('bfloat16')(models['mlp'])
    const opened = await openSession(encode({ outputs: { prediction }, parameters: 'inputs' }), {
      name: 'denoiser',
    })()
    expect(opened).toMatchObject({ _tag: 'Left', left: { _tag: 'EngineError' } })
    expect(JSON.stringify(opened)).toMatch(/compiling the denoiser.*implementation for/)
  })
})
