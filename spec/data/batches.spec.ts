import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { batches, mixture, shapes } from '../../lib/data/index.js'
import type { Batch, Source } from '../../lib/types/index.js'

const pull = async (source: Source, step: number): Promise<Batch> => {
  const batch = await source(step)()
  if (E.isLeft(batch)) throw new Error(batch.left.message)
  return batch.right
}

const data = shapes({ size: 50 })

describe('batches', () => {
  it('gives the same batch for the same seed and step, whatever was asked before', async () => {
    const fresh = (): Source => batches(data, { batchSize: 8, seed: 3, dropout: 0.2 })
    const used = fresh()
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 40 }), async (step) => {
        expect(await pull(used, step)).toEqual(await pull(fresh(), step))
      }),
      { numRuns: 30 },
    )
  })

  it('shows every sample at most once an epoch, in an order that changes', async () => {
    const source = batches(data, { batchSize: 8, seed: 1 })
    const epoch = async (e: number): Promise<ReadonlyArray<number>> =>
      (await Promise.all([0, 1, 2, 3, 4, 5].map((i) => pull(source, e * 6 + i)))).flatMap(({ ids }) => [
        ...ids,
      ])
    const [first, second] = [await epoch(0), await epoch(1)]
    expect(new Set(first).size).toBe(48)
    expect(new Set(second).size).toBe(48)
    expect(second).not.toEqual(first)
  })

  it('shows every sample over a few epochs', async () => {
    const source = batches(data, { batchSize: 8, seed: 1 })
    const seen = await Promise.all(Array.from({ length: 60 }, (_, step) => pull(source, step)))
    expect(new Set(seen.flatMap(({ ids }) => [...ids])).size).toBe(50)
  })

  it('lays samples and labels out by id', async () => {
    const { ids, x0, shape, conditioning } = await pull(batches(data, { batchSize: 5, seed: 2 }), 7)
    expect(shape).toEqual([1, 8, 8])
    const expected = new Float32Array(64)
    ids.forEach((id, i) => {
      data.read(id, expected, 0)
      expect(x0.subarray(i * 64, (i + 1) * 64)).toEqual(expected)
      expect(conditioning.label.data[i]).toBe(BigInt(data.label(id)))
    })
    expect(conditioning.label).toMatchObject({ type: 'int64', dims: [5] })
  })

  it('replaces about the asked share of labels by the null class', async () => {
    const source = batches(shapes({ size: 1000 }), { batchSize: 1000, seed: 5, dropout: 0.25 })
    const { conditioning } = await pull(source, 0)
    const dropped = Array.from(conditioning.label.data as BigInt64Array).filter(
      (label) => label === 4n,
    ).length
    // Five standard deviations of a binomial count.
    expect(Math.abs(dropped - 250)).toBeLessThan(5 * Math.sqrt(1000 * 0.25 * 0.75))
  })

  it('keeps its draws for samples apart from the class dropout', async () => {
    const plain = await pull(batches(data, { batchSize: 8, seed: 3 }), 2)
    const dropped = await pull(batches(data, { batchSize: 8, seed: 3, dropout: 1 }), 2)
    expect(dropped.ids).toEqual(plain.ids)
    expect(dropped.x0).toEqual(plain.x0)
    expect([...(dropped.conditioning.label.data as BigInt64Array)].every((label) => label === 4n)).toBe(true)
  })

  it('refuses a batch larger than the dataset', async () => {
    const refused = await batches(data, { batchSize: 51, seed: 1 })(0)()
    expect(refused).toMatchObject({ _tag: 'Left', left: { _tag: 'DataError' } })
  })
})

describe('synthetic datasets', () => {
  it.each([shapes(), mixture()])('$name has values in [−1, 1], and every class alike', (dataset) => {
    const elements = dataset.shape.reduce((a, b) => a * b, 1)
    const out = new Float32Array(elements)
    const counts = new Map<number, number>()
    let [least, most] = [Infinity, -Infinity]
    for (let i = 0; i < 400; i++) {
      dataset.read(i, out, 0)
      least = Math.min(least, ...out)
      most = Math.max(most, ...out)
      counts.set(dataset.label(i), (counts.get(dataset.label(i)) ?? 0) + 1)
    }
    expect(least).toBeGreaterThanOrEqual(-1)
    expect(most).toBeLessThanOrEqual(1)
    expect(most - least).toBeGreaterThan(1)
    expect([...counts.values()]).toEqual(Array.from({ length: dataset.classes }, () => 400 / dataset.classes))
  })
})
