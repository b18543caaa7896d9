import fc from 'fast-check'
import { expect, it } from 'vitest'
import { constant, operator } from '../../../lib/onnx/index.js'
import { float32, int64 } from '../../../lib/types/index.js'

it('a one-hot tensor of constants is a constant: on where the index says, off elsewhere, along any axis', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 2 }),
      fc.array(fc.integer({ min: -4, max: 3 }), { minLength: 6, maxLength: 6 }),
      (depth, axis, raw) => {
        const indices = raw.map((i) => (((i % depth) + depth) % depth) - (i < 0 ? depth : 0))
        const [{ node }] = operator(
          'OneHot',
          [constant(int64([2, 3], indices)), constant(int64([], [depth])), constant(float32([2], [-5, 7]))],
          { axis },
        )
        if (node.kind !== 'constant') throw new Error('it was not folded')
        const dims = [2, 3].toSpliced(axis, 0, depth)
        expect(node.tensor.dims).toEqual(dims)
        node.tensor.data.forEach((value, i) => {
          const place = [Math.floor(i / (dims[1] * dims[2])), Math.floor(i / dims[2]) % dims[1], i % dims[2]]
          const [row, column] = place.toSpliced(axis, 1)
          const index = indices[3 * row + column]
          expect(value).toBe((index + depth) % depth === place[axis] ? 7 : -5)
        })
      },
    ),
  )
})
