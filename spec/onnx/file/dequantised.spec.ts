import fc from 'fast-check'
import { adaptable, lora } from 'deriva/lora'
import { adopted, weightsOf } from 'deriva/model'
import * as O from 'deriva/onnx'
import { float32, size } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { TensorProto_DataType as DataType } from '../../../lib/onnx/proto/onnx_pb.js'
import { right } from '../../either.js'
import { runModel } from '../run-model.js'
import { floats, int, modelBytes } from './model-bytes.js'

/** Weights that a file has as whole numbers and scales; ONNX Runtime, which computes with them, is the judge. */

type Whole = 'INT8' | 'UINT8' | 'INT4' | 'UINT4'

const ranges: { readonly [W in Whole]: readonly [number, number] } = {
  INT8: [-128, 127],
  UINT8: [0, 255],
  INT4: [-8, 7],
  UINT4: [0, 15],
}

const whole = (name: string, type: Whole, dims: ReadonlyArray<number>, values: ReadonlyArray<number>) => {
  const bytes = Uint8Array.from(values, (x) => x & 255)
  const halves = Uint8Array.from(
    { length: Math.ceil(values.length / 2) },
    (_, i) => (values[2 * i] & 15) | (((values[2 * i + 1] ?? 0) & 15) << 4),
  )
  return {
    name,
    dataType: DataType[type],
    dims: dims.map(BigInt),
    rawData: type.endsWith('4') ? halves : bytes,
  }
}

const reals = (name: string, dims: ReadonlyArray<number>, floatData: number[]) => ({
  name,
  dataType: DataType.FLOAT,
  dims: dims.map(BigInt),
  floatData,
})

/** Scales of a [4, 6] weight: one, one for each index of an axis, or one for each block along it. */
const grids = [
  { scales: [], attribute: [] },
  { scales: [6], attribute: [int('axis', 1)] },
  { scales: [4], attribute: [int('axis', -2)] },
  { scales: [2, 6], attribute: [int('axis', 0), int('block_size', 2)] },
  { scales: [4, 2], attribute: [int('axis', 1), int('block_size', 4)] },
]

const drawn = fc
  .record({
    type: fc.constantFrom<Whole>('INT8', 'UINT8', 'INT4', 'UINT4'),
    grid: fc.constantFrom(...grids),
    zeros: fc.boolean(),
  })
  .chain(({ type, grid, zeros }) => {
    const [min, max] = ranges[type]
    const count = size(grid.scales)
    const elements = (n: number) => fc.array(fc.integer({ min, max }), { minLength: n, maxLength: n })
    const scale = fc.double({ min: 0.01, max: 2, noNaN: true }).map(Math.fround)
    return fc.record({
      type: fc.constant(type),
      grid: fc.constant(grid),
      w: elements(24),
      zero: zeros ? elements(count) : fc.constant(undefined),
      scale: fc.array(scale, { minLength: count, maxLength: count }),
    })
  })

const node = (output: string, attribute: ReturnType<typeof int>[] = [], zero = '') => ({
  opType: 'DequantizeLinear',
  input: ['layer.weight_quantized', 's', zero],
  output: [output],
  attribute,
})

describe('weights that are whole numbers', () => {
  it('are the floats that ONNX Runtime makes of them', () =>
    fc.assert(
      fc.asyncProperty(drawn, async ({ type, grid: { scales, attribute }, w, zero, scale }) => {
        const bytes = modelBytes(
          {
            initializer: [
              whole('layer.weight_quantized', type, [4, 6], w),
              reals('s', scales, scale),
              ...(zero === undefined ? [] : [whole('z', type, scales, zero)]),
            ],
            node: [
              node('w', attribute, zero === undefined ? '' : 'z'),
              { opType: 'MatMul', input: ['x', 'w'], output: ['y'] },
            ],
          },
          { opsetImport: [{ version: 21n }], irVersion: 10n },
        )
        const { inputs, outputs } = right(O.decode(bytes))
        const identity = float32(
          [4, 4],
          Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
        )
        const mine = await runModel(O.encode({ outputs, inputs, parameters: 'initializers' }), {
          x: identity,
        })
        // Optimised, it would multiply by what it rounds once more.
        const theirs = await runModel(bytes, { x: identity }, { graphOptimizationLevel: 'disabled' })
        expect(mine.get('y')?.data).toEqual(theirs.get('y')?.data)
      }),
      { numRuns: 40 },
    ))

  const layer = whole(
    'layer.weight_quantized',
    'INT8',
    [4, 4],
    Array.from({ length: 16 }, (_, i) => i - 8),
  )

  it('take adapters, under the names that they had as floats, and are one weight for all that read them', () => {
    const bytes = modelBytes({
      input: [
        { name: 'x', type: floats(['batch', 4]) },
        { name: 't', type: floats(['batch', 1]) },
      ],
      initializer: [layer, reals('s', [], [0.1])],
      node: [
        node('w'),
        node('v'),
        { opType: 'Add', input: ['x', 't'], output: ['a'] },
        { opType: 'MatMul', input: ['a', 'w'], output: ['b'] },
        { opType: 'Tanh', input: ['b'], output: ['c'] },
        { opType: 'MatMul', input: ['c', 'v'], output: ['y'] },
      ],
    })
    const graph = right(O.decode(bytes))
    const model = right(adopted({ graph, parameterisation: 'epsilon', time: 'timestep' }))
    expect(Object.keys(weightsOf(model))).toEqual(['layer.weight'])
    expect(adaptable(model).map(({ module }) => module)).toEqual(['layer'])
    const adapters = right(lora({ rank: 2, alpha: 2, targets: ['*'], seed: 1 })(model))
    expect(Object.keys(weightsOf(adapters))).toHaveLength(2)
  })

  it('are two weights where they are read with two zero points', () => {
    const zero = whole('z', 'INT8', [], [3])
    const bytes = modelBytes({
      initializer: [layer, zero, reals('s', [], [0.1])],
      node: [node('w'), node('v', [], 'z'), { opType: 'Sub', input: ['w', 'v'], output: ['y'] }],
    })
    const { y } = right(O.decode(bytes)).outputs
    const weights = O.leaves([y]).flatMap(({ node: leaf }) => (leaf.kind === 'parameter' ? [leaf] : []))
    expect(weights.map(({ name }) => name)).toEqual(['layer.weight', 'v'])
    expect(weights.map(({ initial }) => initial.data[0])).toEqual([-0.8, -1.1].map(Math.fround))
  })

  it('are refused where they are no weights, or do not fit their scales', () => {
    const message = (bytes: Uint8Array): string => {
      const result = O.decode(bytes)
      return result._tag === 'Left' ? result.left.message : 'decoded'
    }
    const x = {
      name: 'x',
      type: {
        value: { case: 'tensorType' as const, value: { elemType: DataType.INT8, shape: { dim: [] } } },
      },
    }
    const activations = { ...node('y'), input: ['x', 's'] }
    expect(
      message(modelBytes({ input: [x], initializer: [reals('s', [], [1])], node: [activations] })),
    ).toMatch(/\(DequantizeLinear\): only weights .* before it is quantised/)
    expect(
      message(modelBytes({ initializer: [layer, reals('s', [3], [1, 1, 1])], node: [node('y')] })),
    ).toMatch(/scales of shape \[3\] fit neither all of \[4, 4\]/)
    expect(
      message(modelBytes({ node: [{ opType: 'QuantizeLinear', input: ['x', 's'], output: ['y'] }] })),
    ).toMatch(/QuantizeLinear is not supported; .* before it is quantised/)
  })
})
