import { create, toBinary } from '@bufbuild/protobuf'
import { grad } from 'deriva/autodiff'
import * as O from 'deriva/onnx'
import { float32, size, type Tensor } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  AttributeProto_AttributeType as Type,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from '../../../lib/onnx/proto/onnx_pb.js'
import { gradientError, weighed } from '../../autodiff/central-differences.js'
import { runModel, worstError } from '../run-model.js'

/** Newer and fused operators, which are written out while reading, against ONNX Runtime's own kernels. */

type Case = {
  readonly operator: string
  readonly domain?: string
  readonly opset: number
  readonly inputs: ReadonlyArray<Tensor | undefined>
  readonly attributes?: Readonly<Record<string, number | string | ReadonlyArray<number>>>
  /** ONNX Runtime's CPU has no float64 kernels for what it is written with. */
  readonly single?: true
}

const floats = new Set(['alpha', 'scale', 'softcap', 'epsilon', 'activation_params'])

const attribute = (name: string, value: number | string | ReadonlyArray<number>) => {
  if (typeof value === 'string') return { name, type: Type.STRING, s: new TextEncoder().encode(value) }
  if (typeof value !== 'number') {
    if (floats.has(name)) return { name, type: Type.FLOATS, floats: [...value] }
    return { name, type: Type.INTS, ints: value.map(BigInt) }
  }
  return floats.has(name) ? { name, type: Type.FLOAT, f: value } : { name, type: Type.INT, i: BigInt(value) }
}

const dataTypes = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  bool: DataType.BOOL,
  int64: DataType.INT64,
}

const tensorType = (tensor: Tensor) => ({
  value: {
    case: 'tensorType' as const,
    value: {
      elemType: dataTypes[tensor.type as keyof typeof dataTypes],
      shape: { dim: tensor.dims.map((d) => ({ value: { case: 'dimValue' as const, value: BigInt(d) } })) },
    },
  },
})

const modelOf = ({ operator, domain = '', opset, inputs, attributes = {} }: Case): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ version: BigInt(opset) }, { domain: 'com.microsoft', version: 1n }],
      graph: {
        name: 'one',
        node: [
          {
            opType: operator,
            domain,
            name: 'it',
            input: inputs.map((x, i) => (x === undefined ? '' : `x${i}`)),
            output: ['y'],
            attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
          },
        ],
        input: inputs.flatMap((x, i) => (x === undefined ? [] : [{ name: `x${i}`, type: tensorType(x) }])),
        output: [{ name: 'y', type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT } } } }],
      },
    }),
  )

const inPrecision = (x: Tensor, precision: 'float32' | 'float64'): Tensor =>
  x.type === 'float32' && precision === 'float64'
    ? { type: 'float64', dims: x.dims, data: Float64Array.from(x.data) }
    : x

let drawn = 0
const normal = (...dims: ReadonlyArray<number>): Tensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from({ length: size(dims) }, () => {
    drawn += 1
    return Math.sin(drawn * 12.9898) * 1.7 + 0.3 * Math.cos(drawn * 78.233)
  }),
})
const mapped = ({ dims, data }: Tensor, f: (x: number) => number): Tensor =>
  float32(dims, Float32Array.from(data, Number).map(f))
const scaled = (by: number, x: Tensor): Tensor => mapped(x, (e) => by * e)
const ones = (...dims: ReadonlyArray<number>): Tensor => float32(dims, new Float32Array(size(dims)).fill(1))
/** −2, 0 and 2: a sum of products of two of them, plus 2, is ±2, ±6, …, at least 2 away from every multiple of 4. */
const evens = (...dims: ReadonlyArray<number>): Tensor =>
  mapped(normal(...dims), (x) => 2 * Math.sign(Math.round(x)))
const mask = (dims: ReadonlyArray<number>, seen: (i: number) => boolean): Tensor => ({
  type: 'bool',
  dims,
  data: Uint8Array.from({ length: size(dims) }, (_, i) => Number(seen(i))),
})
const integers = (dims: ReadonlyArray<number>, data: ReadonlyArray<number>): Tensor => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(data, BigInt),
})

const standard = 23
const microsoft = { domain: 'com.microsoft', opset: 20 }
const padded = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }
const heads = { q_num_heads: 4, kv_num_heads: 2 }

const cases: Readonly<Record<string, Case>> = {
  'Attention, heads as an axis': {
    operator: 'Attention',
    opset: standard,
    inputs: [normal(2, 3, 5, 4), normal(2, 3, 6, 4), normal(2, 3, 6, 2)],
  },
  'Attention, heads side by side, shared by two': {
    operator: 'Attention',
    opset: standard,
    inputs: [normal(2, 5, 16), normal(2, 6, 8), normal(2, 6, 6)],
    attributes: { ...heads, scale: 0.3 },
  },
  'Attention, causal': {
    operator: 'Attention',
    opset: standard,
    inputs: [normal(1, 2, 4, 4), normal(1, 2, 6, 4), normal(1, 2, 6, 4)],
    attributes: { is_causal: 1 },
  },
  'Attention, a mask': {
    operator: 'Attention',
    opset: 24,
    inputs: [normal(2, 2, 4, 4), normal(2, 2, 4, 4), normal(2, 2, 4, 4), mask([4, 4], (i) => i % 3 !== 0)],
  },
  'Attention, a mask for each head, causal': {
    operator: 'Attention',
    opset: 24,
    inputs: [
      normal(2, 2, 3, 4),
      normal(2, 2, 3, 4),
      normal(2, 2, 3, 4),
      mask([2, 2, 3, 3], (i) => i % 5 !== 1),
    ],
    attributes: { is_causal: 1 },
  },
  'Attention, a query that sees nothing': {
    operator: 'Attention',
    opset: 24,
    inputs: [
      normal(1, 1, 3, 4),
      normal(1, 1, 3, 4),
      normal(1, 1, 3, 4),
      mask([3, 3], (i) => Math.floor(i / 3) !== 1),
    ],
  },
  'Attention, added scores': {
    operator: 'Attention',
    opset: 24,
    inputs: [normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 4), normal(2, 1, 3, 5)],
    attributes: { scale: 0.2 },
  },
  'RotaryEmbedding, halves': {
    operator: 'RotaryEmbedding',
    opset: standard,
    inputs: [normal(2, 3, 4, 8), normal(2, 4, 4), normal(2, 4, 4)],
  },
  'RotaryEmbedding, neighbours, heads side by side, positions': {
    operator: 'RotaryEmbedding',
    opset: standard,
    inputs: [normal(2, 3, 16), normal(7, 4), normal(7, 4), integers([2, 3], [0, 5, 6, 1, 2, 3])],
    attributes: { interleaved: 1, num_heads: 2 },
  },
  'RotaryEmbedding, a part': {
    operator: 'RotaryEmbedding',
    opset: standard,
    inputs: [normal(2, 3, 4, 8), normal(6, 2), normal(6, 2), integers([2, 4], [0, 1, 2, 3, 2, 3, 4, 5])],
    attributes: { rotary_embedding_dim: 4 },
  },
  RMSNormalization: {
    operator: 'RMSNormalization',
    opset: standard,
    inputs: [normal(2, 3, 4), normal(4)],
    attributes: { epsilon: 1e-3 },
  },
  'RMSNormalization over two axes': {
    operator: 'RMSNormalization',
    opset: standard,
    inputs: [normal(2, 3, 4), normal(3, 4)],
    attributes: { axis: 1 },
  },
  'GroupNormalization (21)': {
    single: true,
    operator: 'GroupNormalization',
    opset: 21,
    inputs: [normal(2, 4, 3, 3), normal(4), normal(4)],
    attributes: { num_groups: 2 },
  },
  'LayerNormalization (17)': {
    single: true,
    operator: 'LayerNormalization',
    opset: 17,
    inputs: [normal(2, 3, 4), normal(4), normal(4)],
  },
  'Gelu (20)': {
    single: true,
    operator: 'Gelu',
    opset: 20,
    inputs: [normal(3, 4)],
    attributes: { approximate: 'tanh' },
  },
  Celu: { single: true, operator: 'Celu', opset: 12, inputs: [normal(3, 4)], attributes: { alpha: 0.7 } },
  ThresholdedRelu: {
    operator: 'ThresholdedRelu',
    opset: 22,
    inputs: [normal(3, 4)],
    attributes: { alpha: 0.4 },
  },
  MeanVarianceNormalization: {
    operator: 'MeanVarianceNormalization',
    opset: 13,
    inputs: [normal(2, 3, 4, 4)],
    attributes: { axes: [0, 2, 3] },
  },
  Asinh: { operator: 'Asinh', opset: 22, inputs: [normal(3, 4)] },
  'Gelu of ONNX Runtime': { single: true, operator: 'Gelu', ...microsoft, inputs: [normal(3, 4)] },
  FastGelu: { single: true, operator: 'FastGelu', ...microsoft, inputs: [normal(3, 4), normal(4)] },
  BiasGelu: { single: true, operator: 'BiasGelu', ...microsoft, inputs: [normal(3, 4), normal(4)] },
  QuickGelu: { operator: 'QuickGelu', ...microsoft, inputs: [normal(3, 4)], attributes: { alpha: 1.702 } },
  FusedMatMul: {
    operator: 'FusedMatMul',
    ...microsoft,
    inputs: [normal(2, 4, 3), normal(2, 5, 4)],
    attributes: { alpha: 0.3, transA: 1, transB: 1 },
  },
  SkipLayerNormalization: {
    single: true,
    operator: 'SkipLayerNormalization',
    ...microsoft,
    inputs: [normal(2, 3, 4), normal(2, 3, 4), normal(4), normal(4), normal(4)],
    attributes: { epsilon: 1e-5 },
  },
  SimplifiedLayerNormalization: {
    operator: 'SimplifiedLayerNormalization',
    opset: 17,
    inputs: [normal(2, 3, 4), normal(4)],
    attributes: { axis: -1, epsilon: 1e-5 },
  },
  'FusedConv, Sigmoid': {
    single: true,
    operator: 'FusedConv',
    ...microsoft,
    inputs: [normal(1, 2, 4, 4), normal(3, 2, 3, 3), normal(3)],
    attributes: { activation: 'Sigmoid', ...padded },
  },
  'FusedConv, Tanh': {
    single: true,
    operator: 'FusedConv',
    ...microsoft,
    // Where Tanh is flat, differences of float32 see nothing.
    inputs: [scaled(0.3, normal(1, 2, 4, 4)), scaled(0.3, normal(3, 2, 3, 3)), normal(3)],
    attributes: { activation: 'Tanh', ...padded },
  },
  'FusedConv, Relu': {
    single: true,
    operator: 'FusedConv',
    ...microsoft,
    inputs: [evens(1, 2, 4, 4), evens(3, 2, 3, 3), scaled(2, ones(3))],
    attributes: { activation: 'Relu', ...padded },
  },
  'FusedConv, LeakyRelu, a sum': {
    single: true,
    operator: 'FusedConv',
    ...microsoft,
    inputs: [evens(1, 2, 4, 4), evens(3, 2, 3, 3), scaled(2, ones(3)), scaled(2, evens(1, 3, 4, 4))],
    attributes: { activation: 'LeakyRelu', activation_params: [0.2], ...padded },
  },
  'FusedConv, Clip': {
    single: true,
    operator: 'FusedConv',
    ...microsoft,
    inputs: [evens(1, 2, 4, 4), evens(3, 2, 3, 3), scaled(2, ones(3))],
    attributes: { activation: 'Clip', activation_params: [-4, 8], ...padded },
  },
  'FusedConv, HardSigmoid': {
    single: true,
    operator: 'FusedConv',
    ...microsoft,
    inputs: [evens(1, 2, 4, 4), evens(3, 2, 3, 3), scaled(2, ones(3))],
    // Between −4 and 8 a slope, and nothing beyond.
    attributes: { activation: 'HardSigmoid', activation_params: [1 / 12, 1 / 3], ...padded },
  },
  MultiHeadAttention: {
    operator: 'MultiHeadAttention',
    ...microsoft,
    inputs: [normal(2, 3, 8), normal(2, 5, 8), normal(2, 5, 8), normal(24), undefined, normal(2, 2, 3, 5)],
    attributes: { num_heads: 2 },
  },
}

const decoded = (example: Case): O.Graph => {
  const result = O.decode(modelOf(example))
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

const feeds = ({ inputs }: Case): Record<string, Tensor> =>
  Object.fromEntries(inputs.flatMap((x, i) => (x === undefined ? [] : [[`x${i}`, x]])))

describe.each(Object.entries(cases))('%s', (_, example) => {
  it('is what ONNX Runtime computes', async () => {
    const { outputs, inputs } = decoded(example)
    const written = O.encode({ outputs, inputs, parameters: 'initializers' })
    const mine = (await runModel(written, feeds(example))).get('y')
    const theirs = (await runModel(modelOf(example), feeds(example))).get('y')
    if (mine === undefined || theirs === undefined) throw new Error('no output')
    expect(mine.dims).toEqual(theirs.dims)
    expect(worstError(mine, theirs)).toBeLessThan(2e-5)
  })

  it('has the gradient of central differences', async () => {
    const precision = example.single ? 'float32' : 'float64'
    const wide = {
      ...example,
      inputs: example.inputs.map((x) => (x === undefined ? x : inPrecision(x, precision))),
    }
    const { outputs, inputs } = decoded(wide)
    const operands = feeds(wide)
    const named = inputs.flatMap((x) =>
      x.node.kind === 'input' ? [[x, operands[x.node.name]] as const] : [],
    )
    const moving = named.filter(([x]) => x.type === precision)
    const loss = (values: ReadonlyArray<O.Value>): O.Value => {
      const given = new Map(named.map(([x, tensor]) => [x.node, O.constant(tensor)]))
      moving.forEach(([x], i) => given.set(x.node, values[i]))
      return weighed(
        O.substitute(Object.values(outputs), (leaf) => given.get(leaf.node)),
        3,
      )
    }
    const points = moving.map(([, tensor]) => tensor)
    const error = await gradientError(loss, points, precision, grad)
    expect(error).toBeLessThan(precision === 'float64' ? 1e-6 : 1e-3)
  })
})

describe('what has no place in training is refused', () => {
  it.each<[string, Case, RegExp]>([
    [
      'a cache',
      {
        operator: 'Attention',
        opset: 23,
        inputs: [1, 2, 3]
          .map(() => normal(1, 2, 3, 4))
          .concat([normal(3, 3), normal(1, 2, 1, 4), normal(1, 2, 1, 4)]),
      },
      /"it" \(Attention\).*cache/,
    ],
    [
      'heads that do not divide',
      {
        operator: 'Attention',
        opset: 23,
        inputs: [normal(1, 3, 3, 4), normal(1, 2, 3, 4), normal(1, 2, 3, 4)],
      },
      /3 heads of queries cannot share 2/,
    ],
    [
      'an operator of another domain',
      { operator: 'Odd', domain: 'mine', opset: 21, inputs: [normal(1)] },
      /mine/,
    ],
    [
      'what ONNX Runtime alone knows',
      { operator: 'NhwcConv', ...microsoft, inputs: [normal(1)] },
      /NhwcConv of com\.microsoft is not supported/,
    ],
  ])('%s', (_, example, message) => {
    expect(O.decode(modelOf(example))).toMatchObject({
      _tag: 'Left',
      left: { message: expect.stringMatching(message) as string },
    })
  })
})
