import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import * as O from '../../lib/onnx/index.js'
import { runModel, worstError } from './run-model.js'
import { batch, Draw, type LeafKind } from './samples/draw.js'

/** Whole graphs drawn at random: operators on the results of operators, what is inferred against what ONNX Runtime computes. */

type Step = (d: Draw, x: O.Value, y: O.Value) => O.Value

const rankOf = (x: O.Value): number => x.shape.length

/** Of x and y, x the more recent; each keeps magnitudes moderate, so that errors do not grow with depth. */
const steps: ReadonlyArray<Step> = [
  (_, x, y) => O.add(x, y),
  (_, x, y) => O.tanh(O.mul(x, y)),
  (_, x, y) => O.where(O.less(x, y), x, 0.5),
  (_, x) => O.sigmoid(x),
  (d, x) => O.reduceMean(x, d.axes(rankOf(x)), d.boolean()),
  (d, x) => O.softmax(x, d.axis(rankOf(x))),
  (d, x) => O.transpose(x, d.shuffled([...x.shape.keys()])),
  (_, x) => O.reshape(x, [-1, 1]),
  (_, x) => O.flatten(x, 1),
  (d, x) => O.unsqueeze(x, [d.integer(0, rankOf(x))]),
  (d, x, y) => O.concat([x, O.tanh(y)], d.axis(rankOf(x))),
  (d, x) => O.slice(x, [0], [-1], [d.axis(rankOf(x))]),
  (d, x) =>
    O.tile(
      x,
      x.shape.map(() => d.integer(1, 2)),
    ),
  (_, x) =>
    O.tanh(
      O.matMul(
        x,
        O.transpose(
          x,
          [...x.shape.keys()].map((i) => (i < rankOf(x) - 2 ? i : 2 * rankOf(x) - 3 - i)),
        ),
      ),
    ),
  (_, x, y) => O.expandTo(O.reduceMean(x), O.shapeOf(y)),
  (_, x) => O.reshapeTo(O.neg(x), O.shapeOf(x)),
  (d, x) => O.gather(x, O.scalar(0, 'int64'), d.axis(rankOf(x))),
  (_, x) =>
    O.reshapeTo(
      x,
      O.concat(
        [
          O.gather(O.shapeOf(x), O.constant({ type: 'int64', dims: [1], data: BigInt64Array.of(0n) })),
          O.integersOf([-1]),
        ],
        0,
      ),
    ),
]

const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch (error) {
    if (error instanceof O.GraphFailure) return undefined
    throw error
  }
}

/**
 * A graph of some steps, with numbers and with a symbol for the batch. Steps whose operands do not fit are left out: symbols may
 * hide that, so the graph with numbers decides.
 */
const graph = (seed: number, length: number) => {
  const leavesOf = (kind: LeafKind) => {
    const d = new Draw(seed, kind)
    return {
      d,
      values: [
        [batch, 3, 4],
        [batch, 1, 4],
        [3, 4],
      ].map((shape) => d.tensor(shape, -1, 1)),
    }
  }
  const known = leavesOf('input')
  const symbolic = leavesOf('symbolic')
  for (let i = 0; i < length; i++) {
    const step = known.d.pick(steps)
    const [state, at] = [known.d.integer(0, 2 ** 30), known.d.uniform()]
    const taken = ({ values }: typeof known): O.Value =>
      step(
        new Draw(state, 'input'),
        values[values.length - 1 - Math.floor(at * 3)],
        values[Math.floor(at * values.length)],
      )
    const next = attempt(() => taken(known))
    const count = Number(O.elementCount(next?.shape ?? []))
    // ONNX Runtime's fused MatMul leaves its result as it was where it sums over nothing: no empty tensors.
    if (next === undefined || count === 0 || count > 3000) continue
    known.values.push(next)
    symbolic.values.push(taken(symbolic))
  }
  return {
    outputs: Object.fromEntries(symbolic.values.map((value, i) => [`y${i}`, O.identity(value)])),
    feeds: known.d.feeds,
  }
}

test('inference of whole graphs is what ONNX Runtime computes, also when the batch is bound later', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 25 }), async (seed, length) => {
      const symbolic = graph(seed, length)
      const inputs = O.leaves(Object.values(symbolic.outputs))
      const open = await runModel(
        O.encode({ ...symbolic, inputs, parameters: 'initializers' }),
        symbolic.feeds,
      )
      for (const [name, { type, dims }] of open) {
        const value = symbolic.outputs[name]
        expect(value.type).toBe(type)
        const shape = value.shape.map((dim) => O.dims.evaluateDim(dim, { b: batch }))
        expect({ name, shape: shape.map((dim, i) => (dim === '?' ? dims[i] : dim)) }).toEqual({
          name,
          shape: dims,
        })
      }

      const bound = O.bind({ inputs, outputs: symbolic.outputs, opset: 21, metadata: {} }, { b: batch })
      const again = O.decode(O.encode({ ...bound, parameters: 'initializers' }))
      if (E.isLeft(again)) throw new Error(again.left.message)
      const closed = await runModel(O.encode({ ...again.right, parameters: 'initializers' }), symbolic.feeds)
      for (const [name, tensor] of open) {
        expect(bound.outputs[name].shape).toEqual(tensor.dims)
        const other = closed.get(name)
        expect(other?.dims).toEqual(tensor.dims)
        if (other !== undefined) expect(worstError(other, tensor)).toBeLessThan(1e-5)
      }
    }),
    { numRuns: 40 },
  )
})
