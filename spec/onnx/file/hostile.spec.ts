import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import * as O from 'deriva/onnx'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  type GraphProtoSchema,
} from '../../../lib/onnx/proto/onnx_pb.js'
import { goldenCase } from '../../golden/gradients.js'
import { float, int, ints, modelBytes } from './model-bytes.js'

/** Files that mean harm: every one gives a tagged error or a graph, in little time and memory. */

type GraphInit = MessageInitShape<typeof GraphProtoSchema>

const relu = { opType: 'Relu', name: 'act', input: ['x'], output: ['y'] }
const whole = (name: string, values: ReadonlyArray<number | bigint>, scalar = false) => ({
  name,
  dataType: 7,
  dims: scalar ? [] : [BigInt(values.length)],
  int64Data: values.map(BigInt),
})

const memory = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const decodes = (bytes: Uint8Array): E.Either<{ readonly message: string }, O.Graph> => {
  const before = memory()
  const result = O.decode(bytes)
  expect(memory() - before).toBeLessThan(2e8)
  if (E.isLeft(result)) expect(result.left._tag).toBe('GraphError')
  return result
}

describe('a file that is cut off', () => {
  it('anywhere gives an error or a graph', () => {
    const bytes = goldenCase('ops/add_row').model
    expect(bytes.length).toBeGreaterThan(100)
    for (let length = 0; length < bytes.length; length++) decodes(bytes.subarray(0, length))
    expect(E.isRight(decodes(bytes))).toBe(true)
  })

  it('or has bits turned over gives an error or a graph', () => {
    const bytes = goldenCase('ops/add_row').model
    fc.assert(
      fc.property(fc.array(fc.nat(8 * bytes.length - 1), { minLength: 1, maxLength: 8 }), (bits) => {
        const changed = bytes.slice()
        for (const bit of bits) changed[bit >> 3] ^= 1 << (bit & 7)
        decodes(changed)
      }),
      { numRuns: 500 },
    )
  })

  it('or is no model at all gives an error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodes(bytes)))
  })
})

describe('what would need more than any machine has', () => {
  const huge = [2n ** 40n]
  it.each<[string, Uint8Array]>([
    [
      'a shape of zeros',
      modelBytes({
        initializer: [whole('n', huge)],
        node: [
          { opType: 'ConstantOfShape', input: ['n'], output: ['z'] },
          { opType: 'Add', input: ['z', 'z'], output: ['y'] },
        ],
      }),
    ],
    [
      'a range',
      modelBytes({
        initializer: [whole('a', [0], true), whole('b', huge, true), whole('c', [1], true)],
        node: [{ opType: 'Range', input: ['a', 'b', 'c'], output: ['y'] }],
      }),
    ],
    [
      'stretched numbers, again and again',
      modelBytes({
        initializer: [whole('n', [1024, 1024, 1024]), whole('k', [7], true)],
        node: [
          { opType: 'Expand', input: ['k', 'n'], output: ['e'] },
          { opType: 'Tile', input: ['e', 'n'], output: ['t'] },
          { opType: 'Add', input: ['t', 't'], output: ['y'] },
        ],
      }),
    ],
    [
      'a weight that the file does not have',
      modelBytes({ initializer: [{ name: 'w', dataType: 1, dims: huge }], node: [relu] }),
    ],
    [
      'a padded number',
      modelBytes({
        initializer: [whole('p', [0, 2 ** 40]), { name: 'k', dataType: 1, dims: [1n], floatData: [1] }],
        node: [{ opType: 'Pad', input: ['k', 'p'], output: ['y'] }],
      }),
    ],
    [
      'a list of as many parts',
      modelBytes({
        initializer: [whole('n', [2 ** 30])],
        node: [
          { opType: 'ConstantOfShape', input: ['n'], output: ['z'] },
          { opType: 'SplitToSequence', input: ['z'], output: ['list'] },
          { opType: 'ConcatFromSequence', input: ['list'], output: ['y'], attribute: [int('axis', 0)] },
        ],
      }),
    ],
  ])('%s is not made', (_, bytes) => {
    decodes(bytes)
  })
})

describe('graphs that are none', () => {
  const message = (bytes: Uint8Array): string => {
    const result = decodes(bytes)
    return E.isLeft(result) ? result.left.message : 'it was read'
  }
  it('are refused where they run in circles', () => {
    const node = [
      { opType: 'Add', input: ['x', 'b'], output: ['a'] },
      { opType: 'Relu', input: ['a'], output: ['b'] },
      { opType: 'Relu', input: ['b'], output: ['y'] },
    ]
    expect(message(modelBytes({ node }))).toMatch(/reads "b", which nothing before it makes/)
  })

  it('are refused where a weight has the name of an input, or of another', () => {
    const w = { name: 'w', dataType: 1, dims: [1n], floatData: [1] }
    expect(message(modelBytes({ node: [relu], initializer: [w, w] }))).toMatch(/"w" is made twice/)
  })

  it('are refused where types and operators have numbers that nobody knows', () => {
    const w = { name: 'w', dataType: 99, dims: [1n], rawData: Uint8Array.of(1) }
    expect(message(modelBytes({ node: [relu], initializer: [w] }))).toMatch(/data type 99/)
    const cast = { opType: 'Cast', input: ['x'], output: ['y'], attribute: [int('to', 77)] }
    expect(message(modelBytes({ node: [cast] }))).toMatch(/77/)
  })

  it('are refused where bodies are in bodies without end', () => {
    type Body = { readonly node: NonNullable<GraphInit['node']>; readonly output: { name: string }[] }
    const output = [{ name: 'r' }]
    const body = Array.from({ length: 90 }).reduce<Body>(
      ({ node }) => ({
        node: [
          {
            opType: 'If',
            input: ['c'],
            output: ['r'],
            attribute: [{ name: 'then_branch', type: AttributeType.GRAPH, g: { name: 'b', node, output } }],
          },
        ],
        output,
      }),
      { node: [{ ...relu, output: ['r'] }], output },
    )
    const initializer = [{ name: 'c', dataType: 9, int32Data: [1] }]
    const bytes = modelBytes({ initializer, ...body })
    expect(message(bytes)).toMatch(/deep in each other|not an ONNX model/)
  })

  it('are refused where lengths are negative, or bound to nonsense', () => {
    const result = O.decode(modelBytes({ node: [relu] }), { dims: { batch: -3 } })
    expect(result).toMatchObject({
      left: { message: expect.stringMatching(/"batch" cannot be -3/) as string },
    })
    const reshape = { opType: 'Reshape', input: ['x', 's'], output: ['y'] }
    expect(message(modelBytes({ node: [reshape], initializer: [whole('s', [-7, 4])] }))).toMatch(/negative/)
  })
})

describe('ends that are as far as 64 bits go', () => {
  it('are the end, as an attribute and as a constant', () => {
    const end = 2n ** 63n - 1n
    const attribute = [{ ...ints('value_ints', []), ints: [end] }]
    const node = [
      { opType: 'Constant', output: ['end'], attribute },
      { opType: 'Slice', input: ['x', 'start', 'end', 'axis'], output: ['y'] },
    ]
    const initializer = [whole('start', [1]), whole('axis', [1])]
    const result = decodes(modelBytes({ node, initializer }))
    expect(E.isRight(result) && result.right.outputs['y'].shape).toEqual(['batch', 3])
    const old = {
      ...relu,
      opType: 'Slice',
      attribute: [ints('axes', [1]), ints('starts', [2]), { ...ints('ends', []), ints: [end] }],
    }
    const older = decodes(modelBytes({ node: [old] }, { opsetImport: [{ version: 9n }] }))
    expect(E.isRight(older) && older.right.outputs['y'].shape).toEqual(['batch', 2])
  })
})

describe('numbers that an exporter computed are no weights', () => {
  const f = (name: string, dims: number[], floatData: number[]) => ({
    name,
    dataType: 1,
    dims: dims.map(BigInt),
    floatData,
  })
  it('but what it transposed is one, under the name of its module', () => {
    const scopes = (list: string) => [{ key: 'pkg.torch.onnx.name_scopes', value: list }]
    const bytes = modelBytes({
      initializer: [
        f(
          'val_1',
          [4, 4],
          Array.from({ length: 16 }, (_, i) => i),
        ),
        f('onnx::MatMul_7', [4, 4], new Array<number>(16).fill(0)),
        f('onnx::MatMul_8', [4, 4], new Array<number>(16).fill(1)),
        f('val_2', [], [1.41]),
        f('unsqueeze_1', [1, 4], [1, 2, 3, 4]),
        f('val_3', [4], [1, 1, 1, 1]),
        f('scale', [4], [1, 2, 3, 4]),
      ],
      node: [
        { opType: 'Mul', input: ['x', 'unsqueeze_1'], output: ['a'] },
        {
          opType: 'MatMul',
          input: ['a', 'val_1'],
          output: ['b'],
          metadataProps: scopes("['', 'blocks.0', 'blocks.0.to_q', 'linear']"),
        },
        { opType: 'Div', input: ['b', 'val_2'], output: ['c'] },
        {
          opType: 'LayerNormalization',
          input: ['c', 'val_3'],
          output: ['d'],
          attribute: [float('epsilon', 1e-6)],
        },
        {
          opType: 'MatMul',
          name: '/blocks.1/net/net.0/proj/MatMul',
          input: ['d', 'onnx::MatMul_7'],
          output: ['e'],
        },
        {
          opType: 'MatMul',
          name: '/input_blocks.1/input_blocks.1.0/to_q/MatMul',
          input: ['e', 'onnx::MatMul_8'],
          output: ['g'],
        },
        { opType: 'Mul', input: ['g', 'scale'], output: ['y'] },
      ],
    })
    const result = decodes(bytes)
    const names = E.isRight(result)
      ? O.leaves(Object.values(result.right.outputs)).flatMap(({ node }) =>
          node.kind === 'parameter' ? [node.name] : [],
        )
      : []
    expect(names.sort()).toEqual([
      'blocks.0.to_q.weight',
      'blocks.1.net.0.proj.weight',
      'input_blocks.1.0.to_q.weight',
      'scale',
    ])
  })
})

it('a model of nothing but metadata says so', () => {
  const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, { producerName: 'nobody' }))
  expect(O.decode(bytes)).toMatchObject({ left: { message: expect.stringMatching(/no graph/) as string } })
})
