import fc from 'fast-check'
import { adapterTensors, lora, merged, type LoraTarget, withTensors } from 'deriva/lora'
import { dit, mlp, parameterCount, unet } from 'deriva/model'
import { conv, gemm, input, matMul, parameter, transpose, type Value } from 'deriva/onnx'
import { float32, type Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { worstError } from '../onnx/run-model.js'
import { evaluated, modelOf, parametersOf, random, somewhere, stirred } from './kit.js'
import { right } from '../either.js'

type Layer = { readonly feed: Tensor; readonly y: (x: Value) => Value; readonly outputs: number }

const lengths = fc.integer({ min: 1, max: 7 })
const seeds = fc.integer({ min: 1, max: 1e6 })
const weight = (dims: ReadonlyArray<number>, seed: number): Value => parameter('w.weight', random(dims, seed))

const matrices = fc
  .record({
    lead: fc.array(lengths, { maxLength: 3 }),
    n: lengths,
    m: lengths,
    seed: seeds,
    flip: fc.boolean(),
    left: fc.boolean(),
  })
  .map(({ lead, n, m, seed, flip, left }): Layer => {
    const inFirst = left === flip
    const stored = weight(inFirst ? [n, m] : [m, n], seed)
    const w = flip ? transpose(stored, [1, 0]) : stored
    return left
      ? { feed: random([...lead, n, 3], seed + 1), outputs: m, y: (x) => matMul(w, x) }
      : { feed: random([...lead, n], seed + 1), outputs: m, y: (x) => matMul(x, w) }
  })

const gemms = fc
  .record({ rows: lengths, n: lengths, m: lengths, seed: seeds, transA: fc.boolean(), transB: fc.boolean() })
  .map(({ rows, n, m, seed, transA, transB }): Layer => {
    const w = weight(transB ? [m, n] : [n, m], seed)
    const feed = random(transA ? [n, rows] : [rows, n], seed + 1)
    const bias = parameter('w.bias', random([m], seed + 2))
    return { feed, outputs: m, y: (x) => gemm(x, w, bias, { transA, transB, alpha: 0.7, beta: 1.3 }) }
  })

const convolutions = fc
  .record({
    n: lengths,
    m: lengths,
    seed: seeds,
    spatial: fc.integer({ min: 1, max: 2 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
    pad: fc.integer({ min: 0, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    same: fc.boolean(),
  })
  .map(({ n, m, seed, spatial, kernel, stride, pad, dilation, same }): Layer => {
    const each = <T>(count: number, x: T): ReadonlyArray<T> => new Array<T>(count).fill(x)
    const w = weight([m, n, ...each(spatial, kernel)], seed)
    const options = {
      strides: each(spatial, stride),
      dilations: each(spatial, dilation),
      ...(same
        ? { auto_pad: 'SAME_UPPER' as const }
        : { pads: [...each(spatial, pad), ...each(spatial, 1)] }),
    }
    return {
      feed: random([2, n, ...each(spatial, 7)], seed + 1),
      outputs: m,
      y: (x) => conv(x, w, undefined, options),
    }
  })

describe('merged', () => {
  it.each([
    ['MatMul', matrices],
    ['Gemm', gemms],
    ['Conv', convolutions],
  ] as const)(
    '%s predicts what the adapted layer predicts, for any shape, rank and split',
    async (_, layers) => {
      let worst = 0
      await fc.assert(
        fc.asyncProperty(
          layers,
          fc.record({
            rank: fc.integer({ min: 1, max: 5 }),
            alpha: fc.float({ min: 0.5, max: 8, noNaN: true }),
            variant: fc.constantFrom('lora' as const, 'rslora' as const),
            slice: fc.boolean(),
            seed: seeds,
          }),
          async ({ feed, y, outputs }, { rank, alpha, variant, slice, seed }) => {
            const target: LoraTarget = slice
              ? { weights: 'w', split: outputs, parts: outputs > 2 ? [0, outputs - 1] : [outputs - 1] }
              : 'w'
            const model = modelOf(y(input('x', 'float32', feed.dims)))
            const fresh = right(lora({ rank, alpha, variant, targets: [target], seed })(model))
            const adapted = withTensors(fresh, somewhere(fresh, seed))
            const { a } = await evaluated({ a: adapted.prediction }, { x: feed })
            const { b } = await evaluated({ b: merged(adapted).prediction }, { x: feed })
            const { c } = await evaluated({ c: model.prediction }, { x: feed })
            const error = worstError(b, a)
            worst = Math.max(worst, error)
            expect(error).toBeLessThan(1e-5)
            // The adapters did something: what agrees is not the base.
            expect(worstError(c, a)).toBeGreaterThan(1e-5)
          },
        ),
        { numRuns: 60, seed: 20, endOnFailure: true },
      )
      expect(worst).toBeGreaterThan(0)
    },
  )

  it('is B·A in float64, rounded once', () => {
    const w = parameter('w.weight', float32([1, 2], [1, 2 ** -24]))
    const model = modelOf(matMul(input('x', 'float32', [1, 1]), w))
    const fresh = right(lora({ rank: 2, alpha: 2, targets: ['w'], seed: 1 })(model))
    const tensors = {
      'w.lora_A.weight': float32([2, 1], [1, 2 ** -24]),
      'w.lora_B.weight': float32([2, 2], [2 ** -24, 2 ** -1, 1, 1]),
    }
    const [{ initial }] = parametersOf(merged(fresh, tensors).prediction)
    // 1 + (2⁻²⁴ + 2⁻²⁵) rounds up to 1 + 2⁻²³; term by term in float32 each would be lost.
    expect([...(initial.data as Float32Array)]).toEqual([1 + 2 ** -23, Math.fround(1 + 2 ** -24 + 2 ** -24)])
  })

  it.each([
    ['mlp', mlp({ parameterisation: 'epsilon', sample: [3], seed: 1, width: 16 }), [3]],
    [
      'dit',
      dit({ parameterisation: 'epsilon', sample: [1, 8, 8], classes: 3, seed: 1, width: 16, depth: 2 }),
      [1, 8, 8],
    ],
    [
      'unet',
      unet({ parameterisation: 'epsilon', sample: [1, 8, 8], classes: 3, seed: 1, width: 8, heads: 2 }),
      [1, 8, 8],
    ],
  ] as const)('a whole %s', async (kind, model, sample) => {
    // Zero layers hide what is below them.
    const base = stirred(model)
    const fresh = right(lora({ rank: 3, alpha: 4, targets: ['*'], seed: 1 })(base))
    const adapted = withTensors(fresh, somewhere(fresh, 9))
    const plain = merged(adapted)
    expect(parameterCount(plain)).toBe(parameterCount(model))
    expect(parametersOf(plain.prediction).map(({ name }) => name)).toEqual(
      parametersOf(model.prediction).map(({ name }) => name),
    )
    const feeds = {
      latents: random([2, ...sample], 5),
      timestep: float32([2], [100, 900]),
      label: { type: 'int64', dims: [2], data: BigInt64Array.from([1n, 3n]) } as const,
    }
    const known = Object.fromEntries(
      Object.entries(feeds).filter(([name]) => name !== 'label' || kind !== 'mlp'),
    )
    const { a } = await evaluated({ a: adapted.prediction }, known)
    const { b } = await evaluated({ b: plain.prediction }, known)
    const { c } = await evaluated({ c: base.prediction }, known)
    expect(worstError(b, a)).toBeLessThan(1e-5)
    expect(worstError(c, a)).toBeGreaterThan(1e-2)
    expect(Object.keys(adapterTensors(adapted)).length).toBeGreaterThan(8)
  })
})
