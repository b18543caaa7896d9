import { suitedTo } from 'deriva/engine'
import { atBatch, dit, inPrecision, type Model, type Precision, unet } from 'deriva/model'
import { describe, expect, it } from 'vitest'
import { type Count, differentiated, written } from '../../bench/gradient-graph.js'

/** What a block adds to the operators of a step, since starting one costs as much as the work of a small one: it may shrink, but not grow. */

/** Of loss and gradients. */
const counted = (model: Model<'epsilon'>, device: 'cpu' | 'cuda'): Count =>
  written(suitedTo(device, differentiated(atBatch(model.prediction, 4))))

const added = (of: (depth: number) => Model<'epsilon'>, device: 'cpu' | 'cuda'): Count => {
  const [one, two] = [1, 2].map((depth) => counted(of(depth), device))
  return { computing: two.computing - one.computing, reshaping: two.reshaping - one.reshaping }
}

const image = { parameterisation: 'epsilon', sample: [4, 16, 16], seed: 1 } as const

const transformer =
  (precision: Precision) =>
  (depth: number): Model<'epsilon'> =>
    inPrecision(precision)(dit({ ...image, patch: 2, width: 32, heads: 4, depth }))

/** One block more on the way down, two in the middle, and one on the way up. */
const convolutional = (depth: number): Model<'epsilon'> =>
  unet({ ...image, width: 16, levels: 2, patch: 1, depth })

describe('a step grows by no more operators than it did', () => {
  it.each<[string, Count, Count]>([
    ['a block of a transformer', added(transformer('float32'), 'cpu'), { computing: 99, reshaping: 16 }],
    [
      'a block of one in bfloat16 on a card',
      added(transformer('bfloat16'), 'cuda'),
      { computing: 151, reshaping: 16 },
    ],
    ['four blocks of a UNet', added(convolutional, 'cpu'), { computing: 332, reshaping: 96 }],
  ])('%s', (_, found, most) => {
    expect(found.computing).toBeLessThanOrEqual(most.computing)
    expect(found.reshaping).toBeLessThanOrEqual(most.reshaping)
  })
})
