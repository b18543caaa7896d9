import * as O from 'deriva/onnx'
import { describe, expect, it } from 'vitest'
import { AttributeProto_AttributeType as AttributeType } from '../../../lib/onnx/proto/onnx_pb.js'
import { float32, type Tensor } from '../../../lib/types/index.js'
import { right } from '../../either.js'
import { modelBytes } from './model-bytes.js'

/** Weights and other tensors, where a file tells which are which. */

const weightsOf = (bytes: Uint8Array): ReadonlyArray<string> =>
  O.leaves(Object.values(right(O.decode(bytes)).outputs))
    .flatMap(({ node }) => (node.kind === 'parameter' ? [node.name] : []))
    .sort()

const stored = (name: string, dims: ReadonlyArray<number> = [4]) => ({
  name,
  dataType: 1,
  dims: dims.map(BigInt),
  floatData: Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => i + 2),
})

const chain = (operators: ReadonlyArray<readonly [opType: string, name: string]>, path = '') =>
  operators.map(([opType, name], i) => ({
    opType,
    name: `${path}${opType}_${i}`,
    input: [i === 0 ? 'x' : `h${i}`, name],
    output: [i === operators.length - 1 ? 'y' : `h${i + 1}`],
  }))

const key = 'pkg.torch.export.ExportedProgram.graph_signature'

const from = (name: string, ...sources: ReadonlyArray<string>) => ({
  name,
  metadataProps: [
    { key: 'pkg.onnxscript.optimizer.folded_from', value: `[${sources.map((s) => `'${s}'`).join(', ')}]` },
  ],
})

describe('PyTorch’s newer exporter', () => {
  const graph = {
    initializer: [
      ...['pos_1', 'head.w', 'rope.cos', 'mul_2', 'clamp_2'].map((name) => stored(name)),
      ...['alpha_1', 'const_cast', 'exp'].map((name) => stored(name, [])),
    ],
    valueInfo: [
      from('mul_2', 'add_1', 'norm.g', 'val_3'),
      from('exp', 'decay'),
      from('const_cast', 'const'),
      from('clamp_2', 'arange', 'clamp', 'rope.cos'),
    ],
    node: chain([
      ['Add', 'pos_1'],
      ['Mul', 'head.w'],
      ['Mul', 'rope.cos'],
      ['Mul', 'mul_2'],
      ['Mul', 'clamp_2'],
      ['Mul', 'alpha_1'],
      ['Add', 'const_cast'],
      ['Mul', 'exp'],
    ]),
  }
  const weights = ['alpha_1', 'exp', 'head.w', 'mul_2', 'pos_1']
  const parameters = ['pos_1', 'head.w', 'alpha_1', 'norm.g', 'decay']

  it('says what is a parameter, whatever its name, and what was computed from one', () => {
    const value = [
      '# inputs',
      ...parameters.map((name) => `p_${name.replace('.', '_')}: PARAMETER target='${name}'`),
      "b_rope_cos: BUFFER target='rope.cos' persistent=False",
      'x: USER_INPUT',
      '# outputs',
      'add_1: USER_OUTPUT',
    ].join('\n')
    const bytes = modelBytes({ ...graph, metadataProps: [{ key, value }] })
    expect(weightsOf(bytes)).toEqual(weights)
    // What trains in their place is something else.
    expect(right(O.decode(bytes)).doubts).toEqual({ lost: ['norm.g', 'decay'], guessed: [] })
  })

  it('said it in one line at first', () => {
    const spec = (kind: string, name: string): string =>
      `InputSpec(kind=<InputKind.${kind}: 2>, arg=TensorArgument(name='a'), target='${name}', persistent=None)`
    const value = `ExportGraphSignature(input_specs=[${[
      ...parameters.map((name) => spec('PARAMETER', name)),
      spec('BUFFER', 'rope.cos'),
      "InputSpec(kind=<InputKind.USER_INPUT: 1>, arg=TensorArgument(name='x'), target=None, persistent=None)",
    ].join(', ')}], output_specs=[OutputSpec(kind=<OutputKind.BUFFER_MUTATION: 3>, target='head.w')])`
    expect(weightsOf(modelBytes({ ...graph, metadataProps: [{ key, value }] }))).toEqual(weights)
  })

  it('leaves it to names and uses where that was lost', () => {
    expect(weightsOf(modelBytes(graph))).toEqual(
      ['const_cast', 'exp', 'head.w', 'mul_2', 'rope.cos', 'clamp_2'].sort(),
    )
  })
})

it('PyTorch’s older exporter makes up names of one kind alone', () => {
  const names = ['pos_1', 'onnx::Add_12', 'scalar_tensor', '_w'] as const
  const graph = (path: string) => ({
    initializer: names.map((name) => stored(name, [])),
    node: chain(
      names.map((name) => ['Add', name] as const),
      path,
    ),
  })
  expect(weightsOf(modelBytes(graph('/body/')))).toEqual(['_w', 'pos_1', 'scalar_tensor'])
  expect(weightsOf(modelBytes(graph('')))).toEqual([])
})

it('what names and uses alone make a constant is said', () => {
  const node = [
    { opType: 'Gather', input: ['emb_1', 'row'], output: ['e'] },
    { opType: 'Mul', input: ['x', 'head.w'], output: ['h'] },
    { opType: 'Pow', input: ['h', 'val_1'], output: ['g'] },
    { opType: 'Add', input: ['g', 'e'], output: ['y'] },
  ]
  const row = { name: 'row', dataType: 7, dims: [], int64Data: [1n] }
  const initializer = [stored('emb_1', [2, 4]), stored('head.w'), stored('val_1', []), row]
  const { doubts } = right(O.decode(modelBytes({ initializer, node })))
  expect(doubts).toEqual({ lost: [], guessed: ['emb_1'] })
})

it('weights in Constant nodes train, but for files of PyTorch, where these are numbers', () => {
  const held = (name: string, ...dims: number[]) => ({
    opType: 'Constant',
    output: [name],
    attribute: [{ name: 'value', type: AttributeType.TENSOR, t: { ...stored('', dims) } }],
  })
  const file = (name: string): Uint8Array =>
    modelBytes({
      node: [
        held('w', 4, 4),
        held('table', 4),
        held('two', 1),
        { opType: 'MatMul', name, input: ['x', 'w'], output: ['h'] },
        { opType: 'Mul', input: ['h', 'two'], output: ['g'] },
        { opType: 'Add', input: ['g', 'table'], output: ['y'] },
      ],
    })
  expect(weightsOf(file('MatMul_0'))).toEqual(['w'])
  expect(right(O.decode(file('MatMul_0'))).doubts).toEqual({ lost: [], guessed: ['table'] })
  expect(weightsOf(file('/to_q/MatMul'))).toEqual([])
  expect(right(O.decode(file('/to_q/MatMul'))).doubts).toEqual({ lost: [], guessed: [] })
})

it('deriva says it of the files that it writes', () => {
  const tensor: Tensor = float32([4], [1, 2, 3, 4])
  const x = O.input('x', 'float32', ['batch', 4])
  const y = O.mul(O.add(x, O.parameter('pos_1', tensor)), O.constant(float32([4], [4, 3, 2, 1]), 'rope.cos'))
  for (const parameters of ['initializers', 'inputs'] as const) {
    const bytes = O.encode({ outputs: { y }, parameters })
    expect(weightsOf(bytes)).toEqual(parameters === 'inputs' ? ['rope.cos'] : ['pos_1'])
  }
  const { model } = O.encodeBeside({ outputs: { y }, parameters: 'initializers' }, 'w.data')
  expect(weightsOf(model)).toEqual(['pos_1'])
})
