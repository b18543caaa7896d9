import { openSession } from 'deriva/engine'
import {
  add,
  constant,
  draftRepeated,
  exp,
  input,
  matMul,
  mul,
  parameter,
  reduceSum,
  type Repeated,
  repeatedInputs,
  tanh,
} from 'deriva/onnx'
import { repeatedFeeds } from 'deriva/train'
import { float32, int64, type Tensor } from 'deriva/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { right } from '../../either.js'

const runOf = async (
  repeated: Repeated,
  state: Readonly<Record<string, Tensor>>,
  turns: ReadonlyArray<Readonly<Record<string, Tensor>>>,
) => {
  const { whole, ragged } = draftRepeated(repeated)
  const session = right(await openSession(whole, { threads: 1 })())
  const outputs = right(await session.run({ ...state, ...repeatedFeeds(turns, ragged) })())
  await session.release()
  return outputs
}

const numbers = ({ data }: Tensor): ReadonlyArray<number> => Array.from(data, Number)

describe('a graph in a loop', () => {
  // x' = tanh(w·x + scale · Σ rows), w' = w + 1: a state, a weight, a scalar a turn, and rows whose number changes.
  const x = input('x', 'float32', [1])
  const w = parameter('w', float32([1, 1], [0]))
  const scale = input('scale', 'float32', [])
  const rows = input('rows', 'float32', ['count', 2])
  const sum = reduceSum(rows, undefined, false)
  const step: Repeated = {
    outputs: {
      'next/x': tanh(add(matMul(w, x), mul(scale, sum))),
      'next/w': add(w, 1),
      sum,
      size: exp(scale),
    },
    carried: { 'next/x': 'x', 'next/w': 'w' },
  }
  const turn = fc.record({
    scale: fc.integer({ min: -8, max: 8 }).map((n) => n / 8),
    rows: fc
      .array(fc.integer({ min: -8, max: 8 }), { maxLength: 5 })
      .map((all) => all.flatMap((n) => [n / 8, 1])),
  })

  it('gives what taking its turns one by one gives, however many they are and however long their axes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 4 }), async (turns) => {
        let [state, weight] = [0.5, -0.5]
        const sums = turns.map((one) => {
          const total = one.rows.reduce((a, b) => a + b, 0)
          ;[state, weight] = [Math.tanh(weight * state + one.scale * total), weight + 1]
          return total
        })
        const outputs = await runOf(
          step,
          { x: float32([1], [0.5]), w: float32([1, 1], [-0.5]) },
          turns.map((one) => ({
            scale: float32([], [one.scale]),
            rows: float32([one.rows.length / 2, 2], one.rows),
          })),
        )
        expect(Object.keys(outputs)).toEqual(['next/x', 'next/w', 'sum', 'size'])
        expect(outputs['next/x'].data[0]).toBeCloseTo(state, 5)
        expect(numbers(outputs['next/w'])).toEqual([weight])
        expect(outputs.sum.dims).toEqual([turns.length])
        numbers(outputs.sum).forEach((found, i) => {
          expect(found).toBeCloseTo(sums[i], 5)
        })
        numbers(outputs.size).forEach((found, i) => {
          expect(found).toBeCloseTo(Math.exp(turns[i].scale), 5)
        })
      }),
      { numRuns: 25 },
    )
  })

  it('leaves the state as it was where no turn is taken', async () => {
    const { whole, ragged } = draftRepeated(step)
    expect(ragged).toEqual([{ input: 'rows', axis: 0, dim: 'count' }])
    const session = right(await openSession(whole, { threads: 1 })())
    const outputs = right(
      await session.run({
        x: float32([1], [0.25]),
        w: float32([1, 1], [2]),
        scale: float32([0], []),
        rows: float32([0, 0, 2], []),
        [repeatedInputs.length('count')]: int64([0], []),
        [repeatedInputs.turns]: int64([], [0]),
      })(),
    )
    expect(numbers(outputs['next/x'])).toEqual([0.25])
    expect(outputs.sum.dims).toEqual([0])
  })

  it('carries as one what is fed and given in parts', async () => {
    const [both, by] = [input('both', 'float32', [4, 2]), input('by', 'float32', [])]
    const repeated: Repeated = {
      outputs: { 'next/both': mul(both, by), first: reduceSum(both) },
      carried: { 'next/both': 'both' },
      parts: { 'next/both': { 'next/a': 'a', 'next/b': 'b' } },
    }
    const outputs = await runOf(
      repeated,
      { a: float32([2, 2], [1, 2, 3, 4]), b: float32([2, 2], [5, 6, 7, 8]) },
      [2, 3].map((factor) => ({ by: float32([], [factor]) })),
    )
    expect(Object.keys(outputs)).toEqual(['next/a', 'next/b', 'first'])
    expect(outputs['next/a']).toEqual(float32([2, 2], [6, 12, 18, 24]))
    expect(outputs['next/b']).toEqual(float32([2, 2], [30, 36, 42, 48]))
    expect(numbers(outputs.first)).toEqual([36, 72])
  })

  it('reads large constants from outside the loop, where they stand once', async () => {
    const matrix = float32(
      [64, 64],
      Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i) / 8),
    )
    const y = input('y', 'float32', [1, 64])
    const repeated = { outputs: { 'next/y': tanh(matMul(y, constant(matrix))) }, carried: { 'next/y': 'y' } }
    const { whole } = draftRepeated(repeated)
    expect(whole.tensors.map(({ tensor }) => tensor)).toEqual([matrix])
    const first = Float32Array.from({ length: 64 }, (_, i) => Math.cos(i))
    const outputs = await runOf(repeated, { y: float32([1, 64], first) }, [{}, {}, {}])
    let expected = Array.from(first)
    for (let turn = 0; turn < 3; turn++)
      expected = expected.map((_, j) =>
        Math.tanh(expected.reduce((sum, value, i) => sum + value * matrix.data[i * 64 + j], 0)),
      )
    numbers(outputs['next/y']).forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(1e-5)
    })
  })

  it('carries only what comes out', () => {
    expect(() => draftRepeated({ outputs: { y: exp(scale) }, carried: { z: 'scale' } })).toThrow(
      '"z" is to become "scale", and there is no such output',
    )
  })
})
