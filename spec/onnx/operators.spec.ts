import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { evaluateDim } from '../../lib/onnx/dim.js'
import { bind, decode, encode, isOperatorName, leaves, type Value } from '../../lib/onnx/index.js'
import { definitions } from '../../lib/onnx/operators/index.js'
import type { Tensor } from '../../lib/types/index.js'
import { runModel, worstError } from './run-model.js'
import { batch, Draw, type LeafKind } from './samples/draw.js'
import { samples } from './samples/index.js'

/**
 * Every operator, called at random: what is inferred, folded, written and read again is what ONNX Runtime does. Several calls share
 * one session, because starting it is what takes the time.
 */
const callsPerRun = 8

const drawn = (
  sample: (d: Draw) => ReadonlyArray<Value>,
  seed: number,
  leafKind: LeafKind,
): { readonly outputs: Record<string, Value>; readonly feeds: Record<string, Tensor> } => {
  const d = new Draw(seed, leafKind)
  const outputs: Record<string, Value> = {}
  for (let call = 0; call < callsPerRun; call++) {
    sample(d).forEach((value, i) => (outputs[`y${call}_${i}`] = value))
  }
  return { outputs, feeds: d.feeds }
}

const used = (outputs: Readonly<Record<string, Value>>, feeds: Readonly<Record<string, Tensor>>) => {
  const names = new Set(leaves(Object.values(outputs)).map(({ node }) => ('name' in node ? node.name : '')))
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name)))
}

const compute = ({ outputs, feeds }: ReturnType<typeof drawn>): Promise<ReadonlyMap<string, Tensor>> =>
  runModel(encode({ outputs, parameters: 'initializers' }), used(outputs, feeds))

const expectSame = (actual: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): void => {
  expect([...actual.keys()]).toEqual([...expected.keys()])
  for (const [name, tensor] of expected) {
    const other = actual.get(name)
    if (other === undefined) throw new Error(`no ${name}`)
    expect({ name, type: other.type, dims: other.dims }).toEqual({
      name,
      type: tensor.type,
      dims: tensor.dims,
    })
    expect(worstError(other, tensor)).toBeLessThan(tensor.type === 'float16' ? 1e-3 : 1e-5)
  }
}

describe.each(Object.entries(samples))('%s', (name, sample) => {
  test('is inferred, folded, bound, written and read as ONNX Runtime computes it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const fed = drawn(sample, seed, 'input')
        const reference = await compute(fed)
        for (const [key, { type, dims }] of reference) {
          const value = fed.outputs[key]
          const shape = value.shape.map((dim, i) => (dim === '?' ? dims[i] : dim))
          expect({ key, type: value.type, shape }).toEqual({ key, type, shape: dims })
        }

        const symbolic = drawn(sample, seed, 'symbolic')
        for (const [key, { dims }] of reference) {
          const shape = symbolic.outputs[key].shape.map((dim, i) => {
            const length = evaluateDim(dim, { b: batch })
            // A symbolic slice is taken not to be empty.
            return length === '?' ? dims[i] : Math.max(Number(length), 0)
          })
          expect({ key, shape }).toEqual({ key, shape: dims })
        }

        const inputs = leaves(Object.values(symbolic.outputs))
        const bound = bind({ inputs, outputs: symbolic.outputs, opset: 21, metadata: {} }, { b: batch })
        expectSame(await compute({ ...bound, feeds: fed.feeds }), reference)

        const constants = drawn(sample, seed, 'constant')
        expectSame(await compute(constants), reference)
        if (isOperatorName(name) && definitions[name].evaluate !== undefined) {
          for (const value of Object.values(constants.outputs)) expect(value.node.kind).toBe('constant')
        }

        const written = encode({ ...symbolic, parameters: 'initializers' })
        const again = decode(written)
        if (E.isLeft(again)) throw new Error(again.left.message)
        expect(encode({ ...again.right, parameters: 'initializers' })).toEqual(written)
      }),
      { numRuns: 2 },
    )
  })
})
