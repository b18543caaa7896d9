import * as O from 'deriva/onnx'
import { describe, expect, it } from 'vitest'
import { right } from '../../either.js'
import { modelBytes } from './model-bytes.js'

/** Weights that were equal when a model was exported, of which its file has one. */

const weightsOf = (bytes: Uint8Array): ReadonlyArray<string> =>
  O.leaves(Object.values(right(O.decode(bytes)).outputs))
    .flatMap(({ node }) => (node.kind === 'parameter' ? [node.name] : []))
    .sort()

const stored = (name: string, ...floatData: number[]) => ({
  name,
  dataType: 1,
  dims: floatData.length === 1 ? [] : [BigInt(floatData.length)],
  floatData,
})
const ones = [1, 1, 1, 1]
const zeros = [0, 0, 0, 0]

describe('PyTorch’s older exporter', () => {
  const file = (...values: number[]): Uint8Array =>
    modelBytes({
      initializer: [stored('a.bias', ...values)],
      node: [
        { opType: 'Identity', name: 'Identity_0', input: ['a.bias'], output: ['b.bias'] },
        { opType: 'Add', name: '/a/Add', input: ['x', 'a.bias'], output: ['h'] },
        { opType: 'Identity', name: '/Identity', input: ['a.bias'], output: ['/Identity_output_0'] },
        { opType: 'Add', name: '/Add', input: ['h', '/Identity_output_0'], output: ['g'] },
        { opType: 'Add', name: '/b/Add', input: ['g', 'b.bias'], output: ['y'] },
      ],
    })

  it('leaves the name of each', () => {
    expect(weightsOf(file(...zeros))).toEqual(['a.bias', 'b.bias'])
  })

  it('what is not all one number was shared on purpose', () => {
    expect(weightsOf(file(0, 1, 2, 3))).toEqual(['a.bias'])
  })
})

describe('PyTorch’s newer exporter', () => {
  const key = 'pkg.torch.export.ExportedProgram.graph_signature'
  const signature = (...names: ReadonlyArray<string>) => [
    {
      key,
      value: names.map((name) => `p_${name.replaceAll('.', '_')}: PARAMETER target='${name}'`).join('\n'),
    },
  ]
  /** A node for an operation of the program with these arguments. */
  const node = (opType: string, input: string[], output: string, args: string, name = output) => ({
    opType,
    name: `node_${output}`,
    input,
    output: [output],
    metadataProps: [
      {
        key: 'pkg.torch.onnx.fx_node',
        value: `%${name} : [num_users=1] = call_function[target=torch.ops.aten.f.default](args = (${args}), kwargs = {})`,
      },
    ],
  })

  it('tells what each operation took', () => {
    const names = ['n0.weight', 'n0.bias', 'n1.weight', 'n1.bias', 'q.weight', 'q.bias']
    const bytes = modelBytes({
      metadataProps: signature(...names),
      initializer: [stored('n0.weight', ...ones), stored('n0.bias', ...zeros), stored('q.weight', 3)],
      node: [
        node(
          'LayerNormalization',
          ['x', 'n0.weight', 'n0.bias'],
          'a',
          '%x, [4], %p_n0_weight, %p_n0_bias, 1e-05',
        ),
        node(
          'LayerNormalization',
          ['a', 'n0.weight', 'n0.bias'],
          'b',
          '%a, [4], %p_n1_weight, %p_n1_bias, 1e-05',
        ),
        // The same module once more.
        node(
          'LayerNormalization',
          ['b', 'n0.weight', 'n0.bias'],
          'c',
          '%b, [4], %p_n1_weight, %p_n1_bias, 1e-05',
        ),
        node('Mul', ['c', 'q.weight'], 'd', '%c, %p_q_weight, %p_q_bias', 'linear'),
        node('Add', ['d', 'n0.bias'], 'y', '%c, %p_q_weight, %p_q_bias', 'linear'),
      ],
    })
    expect(weightsOf(bytes)).toEqual(names.sort())
  })

  it('numbers that are equal to a weight do not train with it', () => {
    const bytes = modelBytes({
      metadataProps: signature('n.weight', 'power'),
      initializer: [stored('n.weight', ...ones), stored('power', 2)],
      node: [
        node('LayerNormalization', ['x', 'n.weight'], 'a', '%x, [4], %p_n_weight, None'),
        node('LayerNormalization', ['a', 'n.weight'], 'b', '%a, [4]'),
        node('Mul', ['b', 'power'], 'c', '%b, %p_power'),
        node('Pow', ['c', 'power'], 'y', '%c, 2'),
      ],
    })
    expect(weightsOf(bytes)).toEqual(['n.weight', 'power'])
    const { y } = right(O.decode(bytes)).outputs
    const exponent = y.node.kind === 'operator' ? y.node.inputs[1]?.node : undefined
    expect(exponent?.kind).toBe('constant')
  })

  it('a weight that the program casts is one', () => {
    const bytes = modelBytes({
      metadataProps: signature('scale'),
      initializer: [stored('scale', ...ones)],
      node: [
        node('Mul', ['x', 'scale'], 'a', '%x, %_to_copy'),
        node('Sub', ['scale', 'a'], 'y', '%_to_copy_1, %a'),
      ],
    })
    expect(weightsOf(bytes)).toEqual(['scale'])
  })

  it('what it computed from equal weights is one for each, under its name', () => {
    const folded = (...sources: ReadonlyArray<string>) => [
      { key: 'pkg.onnxscript.optimizer.folded_from', value: `['${sources.join("', '")}']` },
    ]
    const bytes = modelBytes({
      metadataProps: signature('g0.weight', 'g1.weight'),
      initializer: [stored('val_7', ...ones)],
      valueInfo: [{ name: 'val_7', metadataProps: folded('g0.weight', 'val_3') }],
      node: [
        node('Mul', ['x', 'val_7'], 'a', '%x, 2, %p_g0_weight'),
        node('Mul', ['a', 'val_7'], 'y', '%a, 2, %p_g1_weight'),
      ],
    })
    expect(weightsOf(bytes)).toEqual(['g1.weight', 'val_7'])
  })

  it('what two tensors could be is left as it is', () => {
    const bytes = modelBytes({
      metadataProps: signature('a.weight', 'b.weight', 'c.weight'),
      initializer: [stored('a.weight', ...ones), stored('b.weight', ...zeros)],
      node: [
        node('Mul', ['x', 'a.weight'], 'a', '%x, %p_a_weight'),
        node('Mul', ['a', 'b.weight'], 'b', '%a, %p_b_weight'),
        node('Mul', ['b', 'a.weight'], 'c', '%b, %p_c_weight', 'f'),
        node('Mul', ['c', 'b.weight'], 'y', '%b, %p_c_weight', 'f'),
      ],
    })
    expect(weightsOf(bytes)).toEqual(['a.weight', 'b.weight'])
  })
})
