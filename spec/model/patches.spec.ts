import fc from 'fast-check'
import { assembled, patches, shuffled, unshuffled } from 'deriva/model'
import { input } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { evaluate } from './evaluate.js'

const counting = (dims: ReadonlyArray<number>) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => i),
  )

describe('patches', () => {
  it('cuts squares row by row', async () => {
    const x = input('x', 'float32', ['batch', 1, 4, 4])
    const { dims, data } = await evaluate(patches(x, 2), { x: counting([1, 1, 4, 4]) })
    expect(dims).toEqual([1, 4, 4])
    expect(Array.from(data, Number)).toEqual([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15])
  })

  it('unshuffled folds the same squares into channels', async () => {
    const x = input('x', 'float32', ['batch', 1, 4, 4])
    const { dims, data } = await evaluate(unshuffled(x, 2), { x: counting([1, 1, 4, 4]) })
    expect(dims).toEqual([1, 4, 2, 2])
    expect(Array.from(data, Number)).toEqual([0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15])
  })

  it('are put together again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        async (channels, rows, columns, patch) => {
          const image = [channels, rows * patch, columns * patch] as const
          const x = input('x', 'float32', ['batch', ...image])
          const inputs = { x: counting([2, ...image]) }
          expect(await evaluate(assembled(patches(x, patch), image, patch), inputs)).toEqual(inputs.x)
          expect(await evaluate(shuffled(unshuffled(x, patch), patch), inputs)).toEqual(inputs.x)
        },
      ),
      { numRuns: 10 },
    )
  })

  it('have to tile the image', () => {
    expect(() => patches(input('x', 'float32', ['batch', 1, 28, 28]), 5)).toThrow(/multiples of 5/)
  })
})
