import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import * as O from '../../../lib/onnx/index.js'
import {
  AttributeProto_AttributeType as Type,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as DataType,
  type GraphProtoSchema,
} from '../../../lib/onnx/proto/onnx_pb.js'
import { float32, int64, type Tensor } from '../../../lib/types/index.js'
import { goldenCase, goldenCases } from '../../golden/gradients.js'
import { runModel } from '../run-model.js'

type GraphInit = MessageInitShape<typeof GraphProtoSchema>

const tensorType = (elemType: number, dims: ReadonlyArray<number | string>) => ({
  value: {
    case: 'tensorType' as const,
    value: {
      elemType,
      shape: {
        dim: dims.map((dim) =>
          typeof dim === 'number'
            ? { value: { case: 'dimValue' as const, value: BigInt(dim) } }
            : { value: { case: 'dimParam' as const, value: dim } },
        ),
      },
    },
  },
})

const model = (opset: number, graph: GraphInit): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: BigInt(opset) }],
      graph: {
        input: [{ name: 'x', type: tensorType(DataType.FLOAT, ['batch', 4]) }],
        output: [{ name: 'y' }],
        ...graph,
      },
    }),
  )

const messageOf = (bytes: Uint8Array): string => {
  const result = O.decode(bytes)
  if (E.isRight(result)) throw new Error('decoded')
  expect(result.left._tag).toBe('GraphError')
  return result.left.message
}

const graphOf = (bytes: Uint8Array, dims?: Readonly<Record<string, number>>): O.Graph => {
  const result = O.decode(bytes, dims === undefined ? {} : { dims })
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

const relu = { opType: 'Relu', name: 'act', input: ['x'], output: ['y'] }

describe('what cannot be understood says what and where', () => {
  const float = (name: string, dims: bigint[], floatData: number[]) => ({
    name,
    dims,
    floatData,
    dataType: DataType.FLOAT,
  })
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(), /no graph/],
    ['text', new TextEncoder().encode('not a model at all'), /not an ONNX model/],
    [
      'a missing operator set',
      toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph: {} })),
      /operator set/,
    ],
    ['an old operator set', model(6, { node: [relu] }), /6 is too old/],
    [
      'an unknown operator',
      model(17, { node: [{ ...relu, opType: 'Loop' }] }),
      /"act" \(Loop\).*Loop is not supported/,
    ],
    ['another domain', model(17, { node: [{ ...relu, domain: 'com.microsoft' }] }), /com\.microsoft/],
    ['a name nothing makes', model(17, { node: [{ ...relu, input: ['z'] }] }), /"act".*reads "z"/],
    ['a missing output', model(17, {}), /reads "y"/],
    ['a name made twice', model(17, { node: [relu, relu] }), /"y" is made twice/],
    [
      'an unknown attribute',
      model(17, { node: [{ ...relu, attribute: [{ name: 'alpha', type: Type.FLOAT, f: 1 }] }] }),
      /attribute alpha/,
    ],
    [
      'an attribute of another type',
      model(17, {
        node: [{ ...relu, opType: 'Softmax', attribute: [{ name: 'axis', type: Type.FLOAT, f: 1 }] }],
      }),
      /axis is declared as FLOAT, not INT/,
    ],
    ['a missing attribute', model(17, { node: [{ ...relu, opType: 'Cast' }] }), /attribute to is missing/],
    [
      'a choice there is not',
      model(17, {
        node: [
          {
            ...relu,
            opType: 'Gelu',
            attribute: [{ name: 'approximate', type: Type.STRING, s: new TextEncoder().encode('fast') }],
          },
        ],
      }),
      /"fast", not one of none, tanh/,
    ],
    [
      'shapes that do not fit',
      model(17, {
        initializer: [float('w', [3n], [1, 2, 3])],
        node: [{ ...relu, opType: 'Add', input: ['x', 'w'] }],
      }),
      /"act" \(Add\).*\[batch, 4\].*\[3\]/,
    ],
    [
      'too few elements',
      model(17, { initializer: [float('w', [3n], [1, 2])], node: [relu] }),
      /"w" of shape \[3\] needs 3 elements, but the file has 2/,
    ],
    [
      'impossible sizes',
      model(17, { initializer: [float('w', [2n ** 40n, 2n ** 40n], [])], node: [relu] }),
      /needs/,
    ],
    ['negative sizes', model(17, { initializer: [float('w', [-1n], [])], node: [relu] }), /length -1/],
    [
      'strings',
      model(17, { initializer: [{ name: 'w', dataType: DataType.STRING }], node: [relu] }),
      /STRING/,
    ],
    [
      'weights elsewhere',
      model(17, {
        initializer: [{ ...float('w', [1n], []), dataLocation: TensorProto_DataLocation.EXTERNAL }],
        node: [relu],
      }),
      /another file/,
    ],
    [
      'an input of sequences',
      model(17, {
        input: [{ name: 'x', type: { value: { case: 'sequenceType', value: {} } } }],
        node: [relu],
      }),
      /not a tensor/,
    ],
    [
      'an input without shape',
      model(17, {
        input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
        node: [relu],
      }),
      /declares no shape/,
    ],
    [
      'dropout that trains',
      model(17, {
        initializer: [{ name: 't', dataType: DataType.BOOL, int32Data: [1] }],
        node: [{ ...relu, opType: 'Dropout', input: ['x', '', 't'] }],
      }),
      /eval mode/,
    ],
    [
      'a batch normalisation that trains, whose statistics are results as well',
      model(17, {
        initializer: ['s', 'b', 'm', 'v'].map((name) => float(name, [4n], [1, 1, 1, 1])),
        node: [
          {
            ...relu,
            opType: 'BatchNormalization',
            input: ['x', 's', 'b', 'm', 'v'],
            output: ['y', 'mean', 'variance'],
            attribute: [{ name: 'training_mode', type: Type.INT, i: 1n }],
          },
        ],
      }),
      /"act" \(BatchNormalization\): training_mode is on; export the model in eval mode/,
    ],
    [
      'a batch normalisation that trains, in its older form',
      model(9, {
        initializer: ['s', 'b', 'm', 'v'].map((name) => float(name, [4n], [1, 1, 1, 1])),
        node: [
          {
            ...relu,
            opType: 'BatchNormalization',
            input: ['x', 's', 'b', 'm', 'v'],
            output: ['y', 'mean', 'variance', 'm2', 'v2'],
          },
        ],
      }),
      /eval mode/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(messageOf(bytes)).toMatch(message)
  })

  test('bytes cut off anywhere, or changed, never throw', () => {
    const small = goldenCases.filter(({ nodes }) => nodes < 60).map(({ path }) => path)
    fc.assert(
      fc.property(
        fc.constantFrom(...small),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
          maxLength: 4,
        }),
        (path, length, changes) => {
          const bytes = goldenCase(path).model.slice()
          for (const [at, byte] of changes) bytes[Math.floor(at * bytes.length)] = byte
          const cut = length > 0.5 ? bytes : bytes.subarray(0, Math.floor(2 * length * bytes.length))
          const result = O.decode(cut)
          expect(['Left', 'Right']).toContain(result._tag)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('older forms', () => {
  const run = async (bytes: Uint8Array, x: Tensor): Promise<ReadonlyArray<number>> => {
    const graph = graphOf(bytes)
    const result = (await runModel(O.encode({ ...graph, parameters: 'initializers' }), { x })).get('y')
    return Array.from(result?.data ?? [], Number)
  }
  const x = float32([1, 4], [1, 2, 3, 4])
  const ints = (name: string, values: ReadonlyArray<number>) => ({
    name,
    type: Type.INTS,
    ints: values.map(BigInt),
  })

  test('Slice with attributes (opset 9)', async () => {
    const node = [
      { ...relu, opType: 'Slice', attribute: [ints('axes', [1]), ints('starts', [1]), ints('ends', [3])] },
    ]
    expect(await run(model(9, { node }), x)).toEqual([2, 3])
  })

  test('Upsample (opset 9) repeats', async () => {
    const scales = { name: 's', dims: [2n], dataType: DataType.FLOAT, floatData: [1, 2] }
    const node = [{ ...relu, opType: 'Upsample', input: ['x', 's'] }]
    expect(await run(model(9, { node, initializer: [scales] }), x)).toEqual([1, 1, 2, 2, 3, 3, 4, 4])
  })

  test('Pad with attributes (opset 10)', async () => {
    const attribute = [ints('pads', [0, 1, 0, 0]), { name: 'value', type: Type.FLOAT, f: 7 }]
    expect(await run(model(10, { node: [{ ...relu, opType: 'Pad', attribute }] }), x)).toEqual([
      7, 1, 2, 3, 4,
    ])
  })

  test('GroupNormalization with one scale for each group (opset 18)', async () => {
    const weight = (name: string, floatData: number[]) => ({
      name,
      dims: [2n],
      dataType: DataType.FLOAT,
      floatData,
    })
    const graph: GraphInit = {
      input: [{ name: 'x', type: tensorType(DataType.FLOAT, ['batch', 4, 1]) }],
      initializer: [weight('s', [1, 10]), weight('b', [0, 100])],
      node: [
        {
          ...relu,
          opType: 'GroupNormalization',
          input: ['x', 's', 'b'],
          attribute: [{ name: 'num_groups', type: Type.INT, i: 2n }],
        },
      ],
    }
    const y = await run(model(18, graph), float32([1, 4, 1], [1, 2, 3, 4]))
    expect(y.map((v) => Math.round(v * 100) / 100)).toEqual([-1, 1, 90, 110])
  })

  test('CastLike and constants of numbers', async () => {
    const node = [
      { opType: 'Constant', output: ['k'], attribute: [{ name: 'value_int', type: Type.INT, i: 3n }] },
      { opType: 'CastLike', input: ['k', 'x'], output: ['c'] },
      { opType: 'Mul', input: ['x', 'c'], output: ['y'] },
    ]
    expect(await run(model(17, { node }), x)).toEqual([3, 6, 9, 12])
  })

  test('If with a constant condition is the branch it takes, and sees the names around it', async () => {
    const branch = (name: string, opType: string) => ({
      name,
      type: Type.GRAPH,
      g: {
        name,
        node: [{ opType, input: ['x'], output: [`${name}_out`] }],
        output: [{ name: `${name}_out` }],
      },
    })
    const node = [
      {
        ...relu,
        opType: 'If',
        input: ['c'],
        attribute: [branch('then_branch', 'Neg'), branch('else_branch', 'Abs')],
      },
    ]
    const condition = (on: number) => [{ name: 'c', dataType: DataType.BOOL, int32Data: [on] }]
    expect(await run(model(17, { node, initializer: condition(1) }), x)).toEqual([-1, -2, -3, -4])
    expect(await run(model(17, { node, initializer: condition(0) }), x)).toEqual([1, 2, 3, 4])
    const fed = model(17, {
      node,
      input: [
        { name: 'x', type: tensorType(1, [4]) },
        { name: 'c', type: tensorType(DataType.BOOL, []) },
      ],
    })
    expect(messageOf(fed)).toMatch(/condition depends on data/)
  })
})

describe('initializers', () => {
  const raw = (name: string, dataType: DataType, dims: bigint[], data: ArrayBufferView) => ({
    name,
    dataType,
    dims,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  })

  test('of floats are parameters, of integers constants, of settings constants', () => {
    const graph = graphOf(
      model(17, {
        initializer: [
          { name: 'w', dataType: DataType.FLOAT, dims: [4n], floatData: [1, 2, 3, 4] },
          { name: 'low', dataType: DataType.FLOAT, floatData: [0] },
          raw('dims', DataType.INT64, [2n], BigInt64Array.of(-1n, 2n)),
        ],
        node: [
          { opType: 'Mul', input: ['x', 'w'], output: ['a'] },
          { opType: 'Clip', input: ['a', 'low'], output: ['b'] },
          { opType: 'Reshape', input: ['b', 'dims'], output: ['y'] },
        ],
      }),
    )
    expect(
      O.leaves([graph.outputs['y']]).map(({ node }) => [node.kind, 'name' in node ? node.name : '']),
    ).toEqual([
      ['input', 'x'],
      ['parameter', 'w'],
    ])
    expect(graph.outputs['y'].shape).toEqual(['2*batch', 2])
  })

  test('listed among the inputs as well are not fed', () => {
    const info = { name: 'w', type: tensorType(DataType.FLOAT, [4]) }
    const graph = graphOf(
      model(17, {
        input: [{ name: 'x', type: tensorType(DataType.FLOAT, ['batch', 4]) }, info],
        initializer: [{ name: 'w', dataType: DataType.FLOAT, dims: [4n], floatData: [1, 2, 3, 4] }],
        node: [{ opType: 'Mul', input: ['x', 'w'], output: ['y'] }],
      }),
    )
    expect(graph.inputs.map(({ node }) => 'name' in node && node.name)).toEqual(['x'])
  })

  test.each<[string, object, Tensor]>([
    [
      'float16 bits',
      { dataType: DataType.FLOAT16, dims: [2n], int32Data: [0x3c00, 0xc000] },
      { type: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0xc000) },
    ],
    [
      'doubles',
      { dataType: DataType.DOUBLE, dims: [1n], doubleData: [0.1] },
      { type: 'float64', dims: [1], data: Float64Array.of(0.1) },
    ],
    [
      'unsigned',
      { dataType: DataType.UINT32, dims: [1n], uint64Data: [7n] },
      { type: 'uint32', dims: [1], data: Uint32Array.of(7) },
    ],
    [
      'bytes',
      { dataType: DataType.INT8, dims: [2n], int32Data: [-1, 2] },
      { type: 'int8', dims: [2], data: Int8Array.of(-1, 2) },
    ],
    ['raw integers', raw('', DataType.INT64, [1n], BigInt64Array.of(-5n)), int64([1], [-5])],
    ['nothing', { dataType: DataType.FLOAT, dims: [0n] }, float32([0], [])],
  ])('of %s', (_, init, tensor) => {
    const graph = graphOf(
      model(17, { node: [relu], initializer: [{ ...init, name: 'k' }], output: [{ name: 'k' }] }),
    )
    const { node } = graph.outputs['k']
    expect(node.kind === 'parameter' ? node.initial : node.kind === 'constant' && node.tensor).toEqual(tensor)
  })
})

test('symbols without a name are named after the input and axis, and can be bound while decoding', () => {
  const bytes = model(17, {
    input: [{ name: 'x', type: tensorType(DataType.FLOAT, ['', 'n']) }],
    node: [relu],
  })
  expect(graphOf(bytes).outputs['y'].shape).toEqual(['x_0', 'n'])
  expect(graphOf(bytes, { n: 3, x_0: 2 }).outputs['y'].shape).toEqual([2, 3])
})

test('inputs nothing uses, metadata and the operator set are kept', () => {
  const unused = O.input('unused', 'int64', ['batch'])
  const bytes = O.encode({
    outputs: { y: O.relu(O.input('x', 'float32', [4])) },
    inputs: [unused],
    parameters: 'inputs',
    metadata: { a: 'b' },
  })
  const graph = graphOf(bytes)
  expect(graph.inputs.map(({ node }) => 'name' in node && node.name)).toEqual(['unused', 'x'])
  expect(graph).toMatchObject({ metadata: { a: 'b' }, opset: 21 })
})
