import * as O from 'deriva/onnx'
import { float32 } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { AttributeProto_AttributeType as Type } from '../../../lib/onnx/proto/onnx_pb.js'
import { runModel } from '../run-model.js'
import { float, int, modelBytes } from './model-bytes.js'

/** Functions of a file, inlined; ONNX Runtime, which inlines them as well, is the judge. */

const here = { domain: 'here', opsetImport: [{ version: 17n }] }
const imports = [{ version: 17n }, { domain: 'here', version: 1n }]
const refers = (name: string, refAttrName: string, type: Type) => ({ name, refAttrName, type })

/** slope·x for x < 0, x otherwise; the slope is an attribute. */
const leaky = {
  ...here,
  name: 'Leaky',
  input: ['a'],
  output: ['b'],
  attribute: ['slope'],
  node: [
    {
      opType: 'LeakyRelu',
      input: ['a'],
      output: ['b'],
      attribute: [refers('alpha', 'slope', Type.FLOAT)],
    },
  ],
}

/** Leaky(a) + c, where c may be left out; the slope is passed on, and 0.5 unless it is given. */
const shifted = {
  ...here,
  opsetImport: imports,
  name: 'Shifted',
  input: ['a', 'low'],
  output: ['r'],
  attributeProto: [float('gain', 0.5)],
  node: [
    {
      opType: 'Leaky',
      domain: 'here',
      input: ['a'],
      output: ['b'],
      attribute: [refers('slope', 'gain', Type.FLOAT)],
    },
    { opType: 'Clip', input: ['b', 'low'], output: ['r'] },
  ],
}

const call = (inputs: string[], attribute: ReturnType<typeof float>[] = []) => ({
  opType: 'Shifted',
  domain: 'here',
  name: 'call',
  input: inputs,
  output: ['y'],
  attribute,
})

const low = { name: 'low', dataType: 1, dims: [], floatData: [-0.6] }
const x = float32([1, 4], [-2, -1, 0.5, 3])

const right = (bytes: Uint8Array): O.Graph => {
  const result = O.decode(bytes)
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

describe('functions', () => {
  it.each([
    ['an attribute that is given', [call(['x'], [float('gain', 0.25)])]],
    ['an attribute that is not', [call(['x'])]],
    ['an optional input', [call(['x', 'low'])]],
    [
      'one twice, with one name inside',
      [
        { ...call(['x']), output: ['z'] },
        { ...call(['z'], [float('gain', 0.1)]), name: 'again' },
      ],
    ],
  ])('with %s are their bodies', async (_, node) => {
    const bytes = modelBytes(
      { node, initializer: [low] },
      { opsetImport: imports, functions: [leaky, shifted] },
    )
    const { outputs, inputs } = right(bytes)
    const kinds = O.topological(Object.values(outputs)).flatMap((n) =>
      n.kind === 'operator' ? [n.operator] : [],
    )
    expect(new Set(kinds)).toEqual(new Set(kinds.includes('Clip') ? ['LeakyRelu', 'Clip'] : ['LeakyRelu']))
    const mine = await runModel(O.encode({ outputs, inputs, parameters: 'initializers' }), { x })
    const theirs = await runModel(bytes, { x })
    expect(mine.get('y')?.data).toEqual(theirs.get('y')?.data)
  })

  it('see nothing of what is around the call', () => {
    const peeking = { ...leaky, node: [{ opType: 'Relu', input: ['x'], output: ['b'] }] }
    const node = [{ ...call(['x']), opType: 'Leaky' }]
    const result = O.decode(modelBytes({ node }, { opsetImport: imports, functions: [peeking] }))
    expect(result).toMatchObject({ left: { message: expect.stringMatching(/reads "x"/) as string } })
  })

  it('that call themselves, or unfold without end, are refused in little time', () => {
    const itself = { ...leaky, node: [{ opType: 'Leaky', domain: 'here', input: ['a'], output: ['b'] }] }
    const node = [{ ...call(['x']), opType: 'Leaky' }]
    const recursive = O.decode(modelBytes({ node }, { opsetImport: imports, functions: [itself] }))
    expect(recursive).toMatchObject({ left: { message: expect.stringMatching(/calls itself/) as string } })

    // Every function calls the one before it twice: 2⁵⁰ nodes.
    const doubling = Array.from({ length: 50 }, (_, i) => ({
      ...here,
      opsetImport: imports,
      name: `f${i}`,
      input: ['a'],
      output: ['b'],
      node:
        i === 0
          ? [{ opType: 'Relu', input: ['a'], output: ['b'] }]
          : [
              { opType: `f${i - 1}`, domain: 'here', input: ['a'], output: ['h'] },
              { opType: `f${i - 1}`, domain: 'here', input: ['h'], output: ['b'] },
            ],
    }))
    const top = [{ opType: 'f49', domain: 'here', input: ['x'], output: ['y'] }]
    const bomb = O.decode(modelBytes({ node: top }, { opsetImport: imports, functions: doubling }))
    expect(bomb).toMatchObject({ left: { message: expect.stringMatching(/more nodes than/) as string } })
  }, 20_000)

  it('too many inputs are refused', () => {
    const node = [call(['x', 'low', 'low'])]
    const bytes = modelBytes(
      { node, initializer: [low] },
      { opsetImport: imports, functions: [leaky, shifted] },
    )
    expect(O.decode(bytes)).toMatchObject({
      left: { node: 'call', message: expect.stringMatching(/takes 2 inputs, not 3/) as string },
    })
  })
})

describe('lists of tensors', () => {
  it('are taken apart', async () => {
    const sizes = { name: 's', dataType: 7, dims: [2n], int64Data: [1n, 3n] }
    const at = (index: number, output: string) => [
      { opType: 'Constant', output: [`i${output}`], attribute: [int('value_int', index)] },
      { opType: 'SequenceAt', input: ['list', `i${output}`], output: [output] },
    ]
    const bytes = modelBytes({
      initializer: [sizes],
      node: [
        { opType: 'SplitToSequence', input: ['x', 's'], output: ['list'], attribute: [int('axis', 1)] },
        ...at(0, 'first'),
        ...at(-1, 'last'),
        { opType: 'Add', input: ['first', 'last'], output: ['y'] },
      ],
    })
    const { outputs, inputs } = right(bytes)
    const mine = await runModel(O.encode({ outputs, inputs, parameters: 'initializers' }), { x })
    const theirs = await runModel(bytes, { x })
    expect(mine.get('y')?.data).toEqual(theirs.get('y')?.data)
  })
})
