import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import * as O from '../../../lib/onnx/index.js'
import { ModelProtoSchema, type GraphProto } from '../../../lib/onnx/proto/onnx_pb.js'
import { float32 } from '../../../lib/types/index.js'
import { runModel } from '../run-model.js'

const x = O.input('x', 'float32', ['batch', 2])
const w = O.parameter('block.weight', float32([2, 2], [1, 2, 3, 4]))

const written = (encodable: O.Encodable): GraphProto => {
  const { graph } = fromBinary(ModelProtoSchema, O.encode(encodable))
  if (graph === undefined) throw new Error('no graph')
  return graph
}

const initializers = { parameters: 'initializers' } as const

describe('nodes', () => {
  test('equal expressions are written once, however they were made', () => {
    const left = O.mul(O.exp(x), 2)
    const right = O.mul(O.exp(x), 2)
    const graph = written({ outputs: { y: O.add(left, right) }, ...initializers })
    expect(graph.node.map(({ opType }) => opType)).toEqual(['Exp', 'Mul', 'Add'])
    expect(graph.initializer).toHaveLength(1)
  })

  test('different attributes, inputs and types are different expressions', () => {
    const outputs = [
      O.leakyRelu(x, { alpha: 0.1 }),
      O.leakyRelu(x, { alpha: 0.2 }),
      O.sub(x, O.exp(x)),
      O.sub(O.exp(x), x),
    ]
    expect(written({ outputs: { y: O.sum(outputs) }, ...initializers }).node).toHaveLength(6)
    const scalars = [O.scalar(0), O.scalar(0, 'float16'), O.constant(float32([1], [0])), O.scalar(-0)]
    const named = Object.fromEntries(scalars.map((value, i) => [`y${i}`, value]))
    expect(written({ outputs: named, ...initializers }).initializer).toHaveLength(4)
  })

  test('a normalisation asked for its statistics elsewhere is still one node', () => {
    const scale = O.constant(float32([2], [1, 1]))
    const plain = O.layerNormalization(x, scale)
    const [, centre] = O.layerNormalizationWithStatistics(x, scale)
    const graph = written({ outputs: { plain, centre }, ...initializers })
    expect(graph.node.map(({ opType, output }) => [opType, output])).toEqual([
      ['LayerNormalization', ['plain', 'centre', 'LayerNormalization_2']],
    ])
  })

  test('what no output needs is not there', () => {
    O.exp(x)
    const graph = written({ outputs: { y: O.relu(x) }, ...initializers })
    expect(graph.node).toHaveLength(1)
  })

  test('markers and Identity vanish where a name does not need them', () => {
    const y = O.relu(O.identity(O.stopGradient(x)))
    expect(written({ outputs: { y }, ...initializers }).node.map(({ opType }) => opType)).toEqual(['Relu'])
  })

  test('defaults are left out, inputs left out are empty names', () => {
    const graph = written({ outputs: { y: O.clip(O.softmax(x), undefined, 1) }, ...initializers })
    const [softmax, clip] = graph.node
    expect(softmax.attribute.map(({ name, i }) => [name, i])).toEqual([['axis', 1n]])
    expect(clip.input).toEqual(['Softmax', '', 'constant'])
    const w = O.parameter('w', float32([1, 1, 1], [1]))
    const conv = O.conv(O.input('z', 'float32', [1, 1, 4]), w)
    expect(
      written({ outputs: { y: conv }, ...initializers }).node[0].attribute.map(({ name }) => name),
    ).toEqual(['kernel_shape', 'strides', 'dilations', 'pads'])
  })
})

describe('names', () => {
  const y = O.matMul(O.relu(O.matMul(x, w)), w)

  test('of inputs, weights and outputs are kept, others are readable and unique', () => {
    const graph = written({ outputs: { prediction: y, hidden: O.relu(O.matMul(x, w)) }, ...initializers })
    expect(graph.node.map(({ name, input, output }) => [name, input, output])).toEqual([
      ['MatMul', ['x', 'block.weight'], ['MatMul']],
      ['hidden', ['MatMul'], ['hidden']],
      ['prediction', ['hidden', 'block.weight'], ['prediction']],
    ])
  })

  test('never collide with those of inputs and weights', () => {
    const clash = O.input('MatMul', 'float32', [2, 2])
    const graph = written({ outputs: { y: O.matMul(O.matMul(clash, w), w) }, ...initializers })
    expect(graph.node.map(({ output }) => output)).toEqual([['MatMul_0'], ['y']])
  })

  test('can be wished for, and survive substitution', () => {
    const [named] = O.operator('Relu', [x], {}, 1, 'gate')
    const [rebuilt] = O.substitute([named], () => O.input('x', 'float32', [3, 2]))
    expect(written({ outputs: { y: O.add(rebuilt, 1) }, ...initializers }).node[0].output).toEqual(['gate'])
  })

  test('that mean two things are refused', () => {
    const other = O.input('x', 'float32', [7])
    expect(() => O.encode({ outputs: { a: x, b: other }, ...initializers })).toThrow(
      /two different inputs .* "x"/,
    )
    const weight = O.parameter('block.weight', float32([1], [1]))
    expect(() => O.encode({ outputs: { a: w, b: weight }, ...initializers })).toThrow(/"block.weight"/)
    expect(() => O.encode({ outputs: { x: O.relu(x) }, ...initializers })).toThrow(/output "x"/)
  })

  test('of several outputs may mean the same tensor, an input or a constant', async () => {
    const sum = O.add(x, 1)
    const outputs = { a: sum, b: sum, c: x, d: O.scalar(3), e: w }
    const results = await runModel(O.encode({ outputs, ...initializers }), { x: float32([1, 2], [1, 2]) })
    expect([...results].map(([name, { data }]) => [name, [...data]])).toEqual([
      ['a', [2, 3]],
      ['b', [2, 3]],
      ['c', [1, 2]],
      ['d', [3]],
      ['e', [1, 2, 3, 4]],
    ])
  })
})

describe('inputs', () => {
  const unused = O.input('unused', 'bool', ['batch'])

  test('come in the given order, used or not, then the others', () => {
    const graph = written({ outputs: { y: O.matMul(x, w) }, inputs: [unused], parameters: 'inputs' })
    expect(graph.input.map(({ name }) => name)).toEqual(['unused', 'x', 'block.weight'])
    expect(graph.initializer).toEqual([])
  })

  test('declare symbols; sums, products and the unknown are left open', () => {
    const y = O.reshape(O.input('z', 'float32', ['batch', 4]), [-1, 2])
    const graph = written({ outputs: { y }, ...initializers })
    const dimsOf = (info: GraphProto['input'][number]) =>
      info.type?.value.case === 'tensorType'
        ? info.type.value.value.shape?.dim.map(({ value }) => value.value)
        : []
    expect(dimsOf(graph.input[0])).toEqual(['batch', 4n])
    expect(dimsOf(graph.output[0])).toEqual([undefined, 2n])
  })

  test('weights can be fed', async () => {
    const bytes = O.encode({ outputs: { y: O.matMul(x, w) }, parameters: 'inputs' })
    const feeds = { x: float32([1, 2], [1, 1]), 'block.weight': float32([2, 2], [5, 0, 0, 5]) }
    expect((await runModel(bytes, feeds)).get('y')?.data).toEqual(Float32Array.of(5, 5))
  })
})

test('metadata and the graph’s name are kept', () => {
  const model = fromBinary(
    ModelProtoSchema,
    O.encode({
      outputs: { y: O.relu(x) },
      ...initializers,
      name: 'denoiser',
      metadata: { prediction_type: 'epsilon' },
    }),
  )
  expect(model.graph?.name).toBe('denoiser')
  expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([['prediction_type', 'epsilon']])
  expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 21n]])
})

test('three thousand nodes take well under a second', () => {
  // The processor's time: others may be at work on this machine.
  const started = process.cpuUsage()
  let deep: O.Value = x
  for (let i = 0; i < 1000; i++) deep = O.add(O.mul(O.matMul(deep, w), i), x)
  const bytes = O.encode({ outputs: { deep }, ...initializers })
  const { user, system } = process.cpuUsage(started)
  // Measured at 0.15 s.
  expect(user + system).toBeLessThan(2e6)
  expect(O.decode(bytes)).toMatchObject({ _tag: 'Right' })
})
