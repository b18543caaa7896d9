import * as O from 'deriva/onnx'
import { describe, expect, it } from 'vitest'
import {
  AttributeProto_AttributeType as Type,
  TensorProto_DataType as DataType,
} from '../../../lib/onnx/proto/onnx_pb.js'
import { modelBytes } from './model-bytes.js'

const left = (bytes: Uint8Array): string => {
  const result = O.decode(bytes)
  if (result._tag === 'Right') throw new Error('decoded')
  return result.left.message
}

const node = (opType: string, name: string, input: string, output: string, domain = '') => ({
  opType,
  name,
  domain,
  input: [input],
  output: [output],
})

describe('operators that are not supported', () => {
  it('are told all at once, however often they occur, each with what to do instead', () => {
    const message = left(
      modelBytes({
        node: [
          node('GRU', 'first', 'x', 'a'),
          node('Relu', 'act', 'a', 'b'),
          node('GRU', 'second', 'b', 'c'),
          node('RandomNormalLike', 'noise', 'c', 'd'),
          node('NotAnOperator', 'odd', 'd', 'e'),
          node('NhwcConv', 'conv', 'e', 'f', 'com.microsoft'),
          node('Thing', '', 'f', 'y', 'mine'),
        ],
      }),
    )
    expect(message.split('\n  ')).toEqual([
      '5 operators are not supported',
      expect.stringMatching(/^node "first" \(GRU\) and 1 more: operator GRU .*torch\.nn\.GRUCell/),
      expect.stringMatching(/^node "noise" \(RandomNormalLike\): .*feed it as an input/),
      expect.stringMatching(/^node "odd" \(NotAnOperator\): .* with other operations/),
      expect.stringMatching(/^node "conv" \(NhwcConv\): .* of com\.microsoft .*ONNX Runtime/),
      expect.stringMatching(/^node "y" \(Thing\): .* of mine .*standard/),
    ])
  })

  it('are found in functions that are called, and not in others', () => {
    const body = (name: string, opType: string) => ({
      name,
      domain: 'here',
      opsetImport: [{ version: 17n }, { domain: 'here', version: 1n }],
      input: ['a'],
      output: ['b'],
      node: [node(opType, `${name}.node`, 'a', 'b', opType === 'Inner' ? 'here' : 'ai.onnx')],
    })
    const file = (called: string): Uint8Array =>
      modelBytes(
        { node: [node(called, 'call', 'x', 'y', 'here')] },
        {
          opsetImport: [{ version: 17n }, { domain: 'here', version: 1n }],
          functions: [body('Outer', 'Inner'), body('Inner', 'LSTM'), body('Other', 'Relu')],
        },
      )
    expect(left(file('Outer'))).toMatch(/^node "Inner\.node" \(LSTM\): .*LSTMCell/)
    expect(O.decode(file('Other'))).toMatchObject({ _tag: 'Right' })
  })

  it('do not matter in the branch that is not taken', () => {
    const branch = (name: string, opType: string) => ({
      name,
      type: Type.GRAPH,
      g: { name, node: [node(opType, opType, 'x', 'z')], output: [{ name: 'z' }] },
    })
    const file = (condition: number): Uint8Array =>
      modelBytes({
        initializer: [{ name: 'c', dataType: DataType.BOOL, dims: [], int32Data: [condition] }],
        node: [
          {
            ...node('If', 'if', 'c', 'y'),
            attribute: [branch('then_branch', 'Relu'), branch('else_branch', 'Loop')],
          },
        ],
      })
    expect(O.decode(file(1))).toMatchObject({ _tag: 'Right' })
    expect(left(file(0))).toMatch(/Loop is not supported; write a loop of a fixed number/)
  })
})
