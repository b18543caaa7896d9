import { grad } from 'deriva/autodiff'
import { lora, merged, withoutAdapters, withTensors } from 'deriva/lora'
import { dit, unet } from 'deriva/model'
import {
  bind,
  decode,
  encode,
  input,
  leaves,
  matMul,
  mul,
  parameter,
  reduceSum,
  topological,
} from 'deriva/onnx'
import { float32, int64 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { worstError } from '../onnx/run-model.js'
import { constantsOf, evaluated, modelOf, parametersOf, random, somewhere, stirred } from './kit.js'
import { right } from '../either.js'

const common = { parameterisation: 'flow_matching', sample: [1, 8, 8], classes: 3, seed: 3 } as const
const models = [
  ['dit', stirred(dit({ ...common, width: 16, depth: 2, heads: 2 }))],
  ['unet', stirred(unet({ ...common, width: 8, heads: 2 }))],
] as const

const feeds = {
  latents: random([2, 1, 8, 8], 5),
  timestep: float32([2], [100, 900]),
  label: int64([2], [1, 3]),
}

const adaptedOf = (model: (typeof models)[number][1]) =>
  right(lora({ rank: 3, alpha: 6, targets: ['*'], seed: 1 })(model))

describe.each(models)('a %s', (_, model) => {
  it('predicts at first what the base predicts, and without adapters always, to the bit', async () => {
    const { base } = await evaluated({ base: model.prediction }, feeds)
    const fresh = adaptedOf(model)
    const { first } = await evaluated({ first: fresh.prediction }, feeds)
    expect(worstError(first, base)).toBe(0)
    const moved = withTensors(fresh, somewhere(fresh, 4))
    const { off } = await evaluated({ off: withoutAdapters(moved).prediction }, feeds)
    expect(off.data).toEqual(base.data)
    const both = await evaluated(
      { prediction: moved.prediction, reference: withoutAdapters(moved).prediction },
      feeds,
    )
    expect(both.reference.data).toEqual(base.data)
    expect(worstError(both.prediction, base)).toBeGreaterThan(1e-2)
  })

  it('holds every weight of the base once, as the same array with and without adapters', () => {
    const adapted = adaptedOf(model)
    const [on, off] = [constantsOf(adapted.prediction), constantsOf(withoutAdapters(adapted).prediction)]
    const weights = parametersOf(model.prediction)
    for (const { name, initial } of weights) {
      expect(on.get(name)).toBe(initial.data)
      expect(off.get(name)).toBe(initial.data)
    }
    const nodes = new Set(topological([adapted.prediction]))
    const constants = topological([withoutAdapters(adapted).prediction]).filter(
      ({ kind }) => kind === 'constant',
    )
    expect(constants.every((node) => nodes.has(node))).toBe(true)
    const file = (outputs: Parameters<typeof encode>[0]['outputs']): number =>
      encode({ outputs, parameters: 'inputs' }).length
    const bytes = weights.reduce((sum, { initial }) => sum + initial.data.byteLength, 0)
    const alone = file({ prediction: adapted.prediction })
    const together = file({
      prediction: adapted.prediction,
      reference: withoutAdapters(adapted).prediction,
    })
    expect(alone).toBeGreaterThan(bytes)
    expect(together - alone).toBeLessThan(bytes / 2)
  })

  it('shares untouched weights with what is merged from it', () => {
    const adapted = right(lora({ rank: 2, alpha: 2, targets: ['qkv'], seed: 1 })(model))
    const plain = new Map(parametersOf(merged(adapted).prediction).map((each) => [each.name, each.initial]))
    for (const { name, initial } of parametersOf(model.prediction))
      if (name.endsWith('qkv.weight')) expect(plain.get(name)).not.toBe(initial)
      else expect(plain.get(name)).toBe(initial)
  })

  it('lets gradients through to adapters alone: at first to every B and, as B is zero, to no A', async () => {
    const adapted = adaptedOf(model)
    const bound = bind(
      {
        inputs: leaves([adapted.prediction]).filter(({ node }) => node.kind === 'input'),
        outputs: { prediction: adapted.prediction },
        opset: 21,
        metadata: {},
      },
      { batch: 2 },
    ).outputs.prediction
    const trained = leaves([bound]).filter(({ node }) => node.kind === 'parameter')
    const loss = reduceSum(mul(bound, bound), undefined, false)
    const gradients = right(grad(loss, trained))
    const names = parametersOf(bound).map(({ name }) => name)
    const got = await evaluated(
      Object.fromEntries(gradients.map((gradient, i) => [`gradient/${names[i]}`, gradient])),
      feeds,
    )
    for (const [name, { data }] of Object.entries(got))
      expect(
        Array.from(data, Number).every((x) => x === 0),
        name,
      ).toBe(name.includes('lora_A'))
    expect(trained).toHaveLength(2 * adapted.adapters.length)
  })
})

it('adds one branch for every operator that reads a shared weight', async () => {
  const w = parameter('w.weight', random([4, 4], 1))
  const model = modelOf(matMul(matMul(input('x', 'float32', ['batch', 4]), w), w))
  const fresh = right(lora({ rank: 2, alpha: 2, targets: ['w'], seed: 1 })(model))
  const adapted = withTensors(fresh, somewhere(fresh, 3))
  expect(parametersOf(adapted.prediction)).toHaveLength(2)
  const x = random([3, 4], 2)
  const { y } = await evaluated({ y: adapted.prediction }, { x })
  const { z } = await evaluated({ z: merged(adapted).prediction }, { x })
  expect(worstError(z, y)).toBeLessThan(1e-5)
})

it('refuses values that are missing or have other dimensions', () => {
  const adapted = adaptedOf(models[0][1])
  const tensors = somewhere(adapted, 1)
  const [[name, { dims }], ...others] = Object.entries(tensors)
  expect(() => withTensors(adapted, Object.fromEntries(others))).toThrow(
    `no value for the adapter's "${name}"`,
  )
  const wrong = { ...tensors, [name]: random([...dims].reverse(), 1) }
  expect(() => merged(adapted, wrong)).toThrow(`"${name}" is [${dims.join(', ')}] and cannot be`)
})

it('survives a file: written with its adapters and read again it predicts the same', async () => {
  const adapted = withTensors(adaptedOf(models[0][1]), somewhere(adaptedOf(models[0][1]), 8))
  const bytes = encode({ outputs: { prediction: adapted.prediction }, parameters: 'initializers' })
  const { a } = await evaluated({ a: adapted.prediction }, feeds)
  const { b } = await evaluated({ b: right(decode(bytes)).outputs.prediction }, feeds)
  expect(b.data).toEqual(a.data)
})
