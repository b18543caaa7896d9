import { permuted, reshaped } from 'deriva/autodiff'
import {
  constant,
  encode,
  gemm,
  input,
  matMul,
  reshape,
  topological,
  transpose,
  unsqueeze,
} from 'deriva/onnx'
import type { Value } from 'deriva/onnx'
import { float32, size, type Tensor } from 'deriva/types'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSession } from 'deriva/engine'
import { right } from '../either.js'

/** What stands between the operators of a gradient: as little as possible, and nothing else than what is asked for. */

const counted = (dims: ReadonlyArray<number>): Tensor =>
  float32(
    dims,
    Array.from({ length: size(dims) }, (_, i) => ((7 * i) % 11) - 5),
  )

/** The results of expressions of inputs that are filled with small whole numbers, whose products are exact. */
const run = async (values: ReadonlyArray<Value>): Promise<ReadonlyArray<Tensor>> => {
  const outputs = Object.fromEntries(values.map((value, i) => [`v${i}`, value]))
  const session = right(await openSession(encode({ outputs, parameters: 'inputs' }))())
  const feeds = topological(values).flatMap((node) =>
    node.kind === 'input' ? [[node.name, counted(node.outputs[0].shape.map(Number))] as const] : [],
  )
  const results = right(await session.run(Object.fromEntries(feeds))())
  await session.release()
  return values.map((_, i) => results[`v${i}`])
}

const operatorsOf = (value: Value): ReadonlyArray<string> =>
  topological([value]).flatMap((node) => (node.kind === 'operator' ? [node.operator] : []))

describe('a change of shape', () => {
  const shapes = [[24], [4, 6], [2, 3, 4], [1, 24], [3, 2, 2, 2], [6, -1]]

  it('of a change of shape is one, and none where it comes back to where it was', () => {
    fc.assert(
      fc.property(fc.constantFrom(...shapes), fc.constantFrom(...shapes), (first, second) => {
        const x = input('x', 'float32', [2, 3, 4])
        const twice = reshaped(reshaped(x, first), second)
        expect(twice.shape).toEqual(reshape(x, second).shape)
        expect(operatorsOf(twice).length).toBe(second === shapes[2] ? 0 : 1)
      }),
    )
  })

  it('sees through what only adds or joins axes', async () => {
    const x = input('x', 'float32', [4, 6])
    const y = reshaped(unsqueeze(x, [1]), [2, 12])
    expect(operatorsOf(y)).toEqual(['Reshape'])
    const [found] = await run([y])
    expect(found).toEqual({ ...counted([4, 6]), dims: [2, 12] })
  })
})

describe('a transpose', () => {
  const [a, b] = [input('a', 'float32', [2, 3, 4]), input('b', 'float32', [2, 4, 5])]
  const swapped = [0, 2, 1]

  it.each<[string, Value, ReadonlyArray<number>, ReadonlyArray<string>]>([
    ['of a transpose is nothing', transpose(a, swapped), swapped, []],
    ['of another one stays', transpose(a, [1, 0, 2]), swapped, ['Transpose', 'Transpose']],
    [
      'of a product of a transpose is the product of the others',
      matMul(a, transpose(input('c', 'float32', [2, 5, 4]), swapped)),
      swapped,
      ['Transpose', 'MatMul'],
    ],
    [
      'of a product that has one on the left too',
      matMul(transpose(input('c', 'float32', [2, 4, 3]), swapped), b),
      swapped,
      ['Transpose', 'MatMul'],
    ],
    ['of a product without one stays', matMul(a, b), swapped, ['MatMul', 'Transpose']],
    [
      'of other axes of a product stays',
      matMul(a, transpose(input('c', 'float32', [2, 5, 4]), swapped)),
      [1, 0, 2],
      ['Transpose', 'MatMul', 'Transpose'],
    ],
    [
      'of a product over a batch that only one side has stays',
      matMul(a, transpose(input('c', 'float32', [5, 4]), [1, 0])),
      swapped,
      ['Transpose', 'MatMul', 'Transpose'],
    ],
    [
      'of a Gemm is a Gemm',
      gemm(input('d', 'float32', [3, 4]), input('e', 'float32', [5, 4]), undefined, { transB: true }),
      [1, 0],
      ['Gemm'],
    ],
    [
      'of a Gemm with something added stays',
      gemm(input('d', 'float32', [3, 4]), input('e', 'float32', [4, 5]), constant(float32([], [1]))),
      [1, 0],
      ['Gemm', 'Transpose'],
    ],
  ])('%s', async (_, value, perm, expected) => {
    const found = permuted(value, perm)
    expect(operatorsOf(found)).toEqual(expected)
    const [same, reference] = await run([found, transpose(value, perm)])
    expect(same).toEqual(reference)
  })
})
