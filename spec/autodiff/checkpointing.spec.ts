import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { grad, type GradOptions, segments } from 'deriva/autodiff'
import { openSession } from 'deriva/engine'
import { atBatch, dit, type Model, unet } from 'deriva/model'
import {
  add,
  decode,
  encode,
  input,
  leaves,
  matMul,
  mul,
  parameter,
  reduceMean,
  reduceSum,
  tanh,
  topological,
  type Value,
} from 'deriva/onnx'
import { normal } from 'deriva/random'
import { float32, int64, size, type Tensor } from 'deriva/types'
import fc from 'fast-check'
import { InferenceSession } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { ModelProtoSchema } from '../../lib/onnx/proto/onnx_pb.js'
import { right } from '../either.js'

const batch = 3
const image = { parameterisation: 'epsilon', sample: [2, 8, 8], classes: 3, seed: 4 } as const
const models = {
  dit: dit({ ...image, patch: 2, width: 16, depth: 3, heads: 2 }),
  unet: unet({ ...image, width: 8, levels: 2, depth: 2, patch: 1, heads: 2, groups: 4 }),
} as const satisfies Readonly<Record<string, Model<'epsilon'>>>

const drawn = (sample: number, dims: ReadonlyArray<number>): Tensor =>
  float32(
    dims,
    normal({ seed: 8, purpose: 'noise', step: 0, sample }, new Float32Array(size(dims))).map((x) => x / 5),
  )

const lossOf = (model: Model<'epsilon'>): Value => {
  const prediction = atBatch(model.prediction, batch)
  return reduceMean(
    mul(prediction, add(prediction, input('target', 'float32', prediction.shape))),
    undefined,
    false,
  )
}

const weightsOf = (loss: Value): ReadonlyArray<Value> =>
  leaves([loss]).filter(({ node }) => node.kind === 'parameter')

const stepOf = (loss: Value, options: GradOptions): Uint8Array => {
  const gradients = right(grad(loss, weightsOf(loss), options))
  return encode({
    outputs: { loss, ...Object.fromEntries(gradients.map((gradient, i) => [`gradient${i}`, gradient])) },
    parameters: 'inputs',
  })
}

/** Weights that are all random: blocks that start as zeros would hide their gradients. */
const feedsOf = (loss: Value): Readonly<Record<string, Tensor>> => ({
  ...Object.fromEntries(
    leaves([loss]).map(({ node }, i) => {
      if (node.kind === 'operator' || node.kind === 'constant') throw new Error('no leaf')
      const dims = node.outputs[0].shape.map(Number)
      return [node.name, drawn(i, dims)]
    }),
  ),
  label: int64([batch], [0, 3, 1]),
  timestep: float32([batch], [1, 500, 999]),
})

const ran = async (
  file: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Tensor>>> => {
  const session = right(await openSession(file, { threads: 1 })())
  const outputs = right(await session.run(feeds)())
  await session.release()
  return outputs
}

describe('checkpointing', () => {
  it.each(['dit', 'unet'] as const)('changes no gradient of a %s', async (name) => {
    const loss = lossOf(models[name])
    const feeds = feedsOf(loss)
    const expected = await ran(stepOf(loss, {}), feeds)
    for (const checkpointing of [true, 2] as const) {
      const outputs = await ran(stepOf(loss, { checkpointing }), feeds)
      for (const [output, tensor] of Object.entries(expected)) {
        const [wanted, found] = [[...tensor.data].map(Number), outputs[output].data]
        const largest = Math.max(...wanted.map(Math.abs))
        const off = Math.max(...wanted.map((x, i) => Math.abs(x - Number(found[i]))))
        expect(off, `${output} with ${checkpointing}`).toBeLessThanOrEqual(1e-5 * largest)
      }
    }
  })

  it('can be differentiated again', async () => {
    const x = input('x', 'float32', [4, 4])
    const w = parameter('w', float32([4, 4], drawn(1, [4, 4]).data as Float32Array))
    const chain = Array.from({ length: 6 }).reduce<Value>((y) => tanh(matMul(y, w)), x)
    const loss = reduceSum(mul(chain, chain), undefined, false)
    const twice = (options: GradOptions): Uint8Array => {
      const [first] = right(grad(loss, [w], options))
      const [second] = right(grad(reduceSum(mul(first, first), undefined, false), [w]))
      return encode({ outputs: { second }, parameters: 'initializers' })
    }
    const feeds = { x: drawn(0, [4, 4]) }
    const [expected, found] = [await ran(twice({}), feeds), await ran(twice({ checkpointing: 3 }), feeds)]
    Array.from(expected.second.data, Number).forEach((value, i) => {
      expect(Number(found.second.data[i])).toBeCloseTo(value, 4)
    })
  })

  it('recomputes what no optimiser takes for the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deriva-'))
    /** How many Tanh are left once ONNX Runtime has optimised the step: one a layer, and those done again. */
    const activations = async (checkpointing: boolean): Promise<number> => {
      const w = (i: number): Value => parameter(`w${i}`, float32([8, 8], new Float32Array(64).fill(0.1)))
      const chain = Array.from({ length: 16 }, (_, i) => w(i)).reduce(
        (y, weight) => tanh(matMul(y, weight)),
        input('x', 'float32', [64, 8]),
      )
      const loss = reduceMean(mul(chain, chain), undefined, false)
      const optimizedModelFilePath = join(folder, `${checkpointing}.onnx`)
      const session = await InferenceSession.create(stepOf(loss, { checkpointing }), {
        optimizedModelFilePath,
        graphOptimizationLevel: 'extended',
        logSeverityLevel: 4,
      })
      await session.release()
      const { graph } = fromBinary(ModelProtoSchema, readFileSync(optimizedModelFilePath))
      return graph?.node.filter(({ opType }) => opType === 'Tanh').length ?? 0
    }
    try {
      const [kept, again] = [await activations(false), await activations(true)]
      expect(kept).toBe(16)
      // All but those of the last segment.
      expect(again).toBeGreaterThanOrEqual(16 + 10)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('refuses a number of segments that is none', () => {
    const loss = lossOf(models.dit)
    expect(() => grad(loss, weightsOf(loss), { checkpointing: 0 })).toThrow(RangeError)
    expect(() => grad(loss, weightsOf(loss), { checkpointing: 1.5 })).toThrow(RangeError)
  })
})

describe('segments', () => {
  const chainOf = (depth: number, width: number): Value =>
    Array.from({ length: depth }).reduce<Value>((y) => tanh(y), input('x', 'float32', [width]))

  it('cuts a chain of equal layers into about √n pieces of about √n layers', () => {
    const order = topological([chainOf(100, 16)])
    const { count, of } = segments(order)
    const lengths = Array.from({ length: count }, (_, i) => order.filter((node) => of(node) === i).length)
    expect(count).toBeGreaterThanOrEqual(8)
    expect(count).toBeLessThanOrEqual(13)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(13)
  })

  it('follow the order, and are no more than asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9 }), (depth, most) => {
        const order = topological([chainOf(depth, 8)])
        const { count, of } = segments(order, most)
        const numbers = order.map(of)
        expect(count).toBeLessThanOrEqual(most)
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
        expect(new Set(numbers).size).toBe(count)
      }),
    )
  })

  it('cuts between the blocks of a transformer, where only the tokens are alive', () => {
    const order = topological([lossOf(models.dit)])
    const { count, of } = segments(order)
    expect(count).toBeGreaterThan(3)
    const crossing = order.flatMap((node) =>
      node.kind === 'operator'
        ? node.inputs.flatMap((x) =>
            x !== undefined && x.node.kind === 'operator' && of(x.node) < of(node) ? [x.node] : [],
          )
        : [],
    )
    // The scores of attention, [batch, heads, tokens, tokens], are the largest activations: none is kept.
    expect(crossing.some(({ outputs: [y] }) => y.shape.length === 4)).toBe(false)
  })

  it('are one where there is nothing to gain', () => {
    expect(segments(topological([add(input('x', 'float32', [4]), 1)])).count).toBe(1)
    const read = right(
      decode(encode({ outputs: { y: add(input('x', 'float32', [4]), 1) }, parameters: 'initializers' })),
    )
    expect(segments(topological([read.outputs.y])).count).toBe(1)
  })
})
