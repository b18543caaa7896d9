import {
  add,
  conv,
  decode,
  div,
  draft,
  encode,
  input,
  layerNormalization,
  layerNormalizationWithStatistics,
  matMul,
  mul,
  parameter,
  relu,
  sub,
  topological,
  type Value,
} from 'deriva/onnx'
import { normal } from 'deriva/random'
import { deferred, float32, type Tensor, type TensorOf } from 'deriva/types'
import { InferenceSession } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { channelBlock } from '../../lib/engine/channel-block.js'
import { localEngine } from '../../lib/engine/local-engine.js'
import { inParts, type ModelParts } from '../../lib/engine/parts.js'
import { toRuntime } from '../../lib/engine/runtime-tensor.js'
import { suited, suitedTo } from '../../lib/engine/suited.js'
import { right } from '../either.js'

const drawn = (sample: number, n: number): Float32Array =>
  normal({ seed: 4, purpose: 'data', step: 0, sample }, new Float32Array(n))

const mentions = (model: Uint8Array, name: string): boolean => Buffer.from(model).includes(name)

const partsOf = (outputs: Readonly<Record<string, Value>>): Promise<ModelParts> =>
  inParts(draft({ outputs, parameters: 'initializers' }), Infinity, () =>
    Promise.reject(new Error('no disk')),
  )

describe('a model suited to a graphics card', () => {
  it.each([1, 2, -1])(
    'computes the statistics of a LayerNormalization over axis %i as the operator does',
    async (axis) => {
      const x = input('x', 'float32', ['batch', 4, 6])
      const scale = parameter('scale', float32(axis === 1 ? [4, 6] : [6], drawn(1, axis === 1 ? 24 : 6)))
      const [y, mean, inverse] = layerNormalizationWithStatistics(add(x, 0.5), scale, undefined, {
        axis,
        epsilon: 1e-3,
      })
      const model = await partsOf({ y: mul(y, 2), mean, inverse })
      const suitable = await suited(model, 'webgpu')
      expect(suitable).not.toEqual(model)
      expect(await suited(model, 'cuda')).toEqual(suitable)
      expect(await suited(model, 'cpu')).toBe(model)
      const outputs = async (parts: ModelParts) => {
        const session = right(await localEngine('cpu').open(parts, { threads: 1 })())
        return right(await session.run({ x: float32([2, 4, 6], drawn(2, 48)) })())
      }
      const [expected, found] = [await outputs(model), await outputs(suitable)]
      expect(Object.keys(found)).toEqual(Object.keys(expected))
      for (const [name, { dims, data }] of Object.entries(expected)) {
        expect(found[name].dims).toEqual(dims)
        data.forEach((value, i) => {
          expect(Math.abs(Number(found[name].data[i]) - Number(value))).toBeLessThan(2e-6)
        })
      }
    },
  )

  it('normalises once where some read the values and others the statistics', () => {
    const x = input('x', 'float32', ['batch', 4, 6])
    const scale = parameter('scale', float32([6], drawn(1, 6)))
    const options = { axis: 2, epsilon: 1e-3 }
    const [y, , inverse] = layerNormalizationWithStatistics(x, scale, undefined, options)
    const suitable = suitedTo('cuda', [
      mul(layerNormalization(x, scale, undefined, options), mul(y, inverse)),
    ])
    const { outputs } = right(decode(encode({ outputs: { y: suitable[0] }, parameters: 'initializers' })))
    const found = topological([outputs.y]).flatMap((node) => (node.kind === 'operator' ? [node] : []))
    expect(
      found.filter(({ operator }) => operator === 'LayerNormalization').map((node) => node.outputs.length),
    ).toEqual([1])
  })

  it('keeps what stands apart from its file where it is', async () => {
    const x = input('x', 'float32', ['batch', 64])
    const scale = parameter('scale', float32([64], drawn(1, 64)))
    const [y, mean] = layerNormalizationWithStatistics(x, scale, undefined, { axis: 1, epsilon: 1e-3 })
    const product = (weight: TensorOf<'float32'>) => ({ y: matMul(y, parameter('weight', weight)), mean })
    const place = { root: '/', location: 'somewhere/weights', offset: 8192 }
    const onDisk = await partsOf(product(deferred('float32', [64, 64], () => drawn(2, 4096), place)))
    expect(onDisk).toMatchObject({ beside: {}, stored: { root: '/', bytes: 16384 } })
    const { model, ...apart } = await suited(onDisk, 'webgpu')
    expect(apart).toEqual({ beside: {}, stored: onDisk.stored })
    expect(mentions(model, place.location)).toBe(true)

    const inMemory = await partsOf(product(float32([64, 64], drawn(2, 4096))))
    expect(await suited(inMemory, 'webgpu')).toMatchObject({ beside: inMemory.beside })
    expect(Object.values(inMemory.beside)).toEqual([new Uint8Array(drawn(2, 4096).buffer)])
  })

  it('is the very same where every operator is there, or nothing is understood', async () => {
    const plain = await partsOf({ y: mul(input('x', 'float32', [1]), 2) })
    expect(await suited(plain, 'webgpu')).toBe(plain)
    const nonsense = { model: Uint8Array.of(1, 2, 3), beside: {} }
    expect(await suited(nonsense, 'webgpu')).toBe(nonsense)
  })
})

/** What ONNX Runtime gives for a model as it is. */
const computed = async ({ model, beside }: ModelParts, feeds: Readonly<Record<string, Tensor>>) => {
  const externalData = Object.entries(beside).map(([path, data]) => ({ path, data }))
  const options = { intraOpNumThreads: 1, logSeverityLevel: 4, externalData } as const
  const session = await InferenceSession.create(model, options)
  return session.run(
    Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(tensor)])),
  )
}

const expectSame = async (
  outputs: Readonly<Record<string, Value>>,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Uint8Array> => {
  const model = await partsOf(outputs)
  const suitable = await suited(model, 'cpu')
  const [expected, found] = [await computed(model, feeds), await computed(suitable, feeds)]
  expect(Object.keys(found)).toEqual(Object.keys(expected))
  for (const [name, { dims, data }] of Object.entries(expected)) {
    expect(found[name].dims).toEqual(dims)
    Array.from(data, Number).forEach((value, i) => {
      expect(Math.abs(Number(found[name].data[i]) - value)).toBeLessThan(1e-4)
    })
  }
  return suitable.model
}

describe('a model suited to the CPU', () => {
  const [x, symbolic] = [
    input('x', 'float32', [2, 16, 9, 10]),
    input('x', 'float32', ['batch', 16, 'height', 10]),
  ]
  const feeds = { x: float32([2, 16, 9, 10], drawn(3, 2880)) }
  const weight = (out: number, inner: number, ...kernel: ReadonlyArray<number>): Value =>
    parameter(
      `w${out}`,
      float32([out, inner, ...kernel], drawn(out, out * inner * kernel.reduce((a, b) => a * b))),
    )
  const bias = parameter('bias', float32([16], drawn(5, 16)))

  it('computes convolutions over blocks of channels, fed weights or stored ones, as they are', async () => {
    const window = { pads: [0, 1, 2, 1], strides: [1, 2], dilations: [2, 1] }
    const y = conv(conv(x, weight(16, 16, 3, 2), bias, window), weight(8, 16, 2, 2))
    const suitable = await expectSame({ y, same: relu(y) }, feeds)
    expect(mentions(suitable, 'ReorderInput')).toBe((await channelBlock()) === 8)
  })

  it('leaves other convolutions alone: odd channels, groups, single pixels, more weights than pixels, heights unknown', async () => {
    const outputs = {
      odd: conv(x, weight(15, 16, 3, 3)),
      groups: conv(x, weight(16, 2, 3, 3), undefined, { group: 8 }),
      single: conv(x, weight(24, 16, 1, 1)),
      large: conv(x, weight(256, 16, 3, 3)),
    }
    const suitable = await expectSame(outputs, feeds)
    expect(mentions(suitable, 'ReorderInput')).toBe(false)
    const unknown = await suited(await partsOf({ y: conv(symbolic, weight(16, 16, 3, 3)) }), 'cpu')
    expect(mentions(unknown.model, 'ReorderInput')).toBe(false)
  })

  it('multiplies weights of 1×1 convolutions by numbers as vectors', async () => {
    const w = weight(64, 16, 1, 1)
    const number = input('number', 'float32', [])
    const grown = add(mul(number, sub(w, 0.25)), div(1, number))
    const suitable = await expectSame({ y: conv(x, grown), grown }, { ...feeds, number: float32([], [3]) })
    expect(mentions(suitable, 'Reshape')).toBe(true)
    const small = await suited(await partsOf({ y: conv(x, mul(weight(8, 16, 1, 1), 2)) }), 'cpu')
    expect(mentions(small.model, 'Reshape')).toBe(false)
  })
})
