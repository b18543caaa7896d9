import { float32, int64, size, stacked, type TensorOf } from 'deriva/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** Tensors of one rank, 1 to 3, whose elements are all different and none zero. */
const tensors = fc
  .integer({ min: 0, max: 3 })
  .chain((rank) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: rank, maxLength: rank }), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map((all) =>
    all.map((dims, t) =>
      float32(
        dims,
        Array.from({ length: size(dims) }, (_, i) => 1000 * t + i + 1),
      ),
    ),
  )

const at = ({ dims, data }: TensorOf<'float32'>, index: ReadonlyArray<number>): number | undefined =>
  index.some((i, axis) => i >= dims[axis])
    ? undefined
    : data[index.reduce((offset, i, axis) => offset * dims[axis] + i, 0)]

const indices = (dims: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  dims.reduce<ReadonlyArray<ReadonlyArray<number>>>(
    (all, dim) => all.flatMap((index) => Array.from({ length: dim }, (_, i) => [...index, i])),
    [[]],
  )

describe('stacked tensors', () => {
  it('are as long as the longest along every axis, with zeros where a shorter one has ended', () => {
    fc.assert(
      fc.property(tensors, (all) => {
        const whole = stacked(all)
        expect(whole.dims).toEqual([
          all.length,
          ...all[0].dims.map((_, axis) => Math.max(...all.map(({ dims }) => dims[axis]))),
        ])
        for (const [tensor, ...index] of indices(whole.dims))
          expect(at(whole, [tensor, ...index])).toBe(at(all[tensor], index) ?? 0)
      }),
    )
  })

  it('have one element type and rank', () => {
    expect(() => stacked([])).toThrow('nothing to stack')
    expect(() => stacked([float32([1], [0]), float32([], [0])])).toThrow('float32[1] float32[]')
    expect(() => stacked([float32([1], [0]), int64([1], [0])])).toThrow('float32[1] int64[1]')
    expect(stacked([int64([2], [1, 2]), int64([1], [3])])).toEqual(int64([2, 2], [1, 2, 3, 0]))
  })
})
