import { describe, expect, test } from 'vitest'
import * as O from '../../lib/onnx/index.js'
import { float32, int64, type Tensor } from '../../lib/types/index.js'

const x = O.input('x', 'float32', ['batch', 4, 8, 8])

const tensorOf = (value: O.Value): Tensor => {
  if (value.node.kind !== 'constant') throw new Error(`${value.node.kind}, not a constant`)
  return value.node.tensor
}

describe('what does not fit is refused, with the shapes and what would be right', () => {
  const weight = O.parameter('w', float32([6, 3, 3, 3], new Float32Array(162)))
  test.each<[string, () => unknown, RegExp]>([
    [
      'broadcasting',
      () => O.add(x, O.input('y', 'float32', [5])),
      /Add\(float32\[batch, 4, 8, 8\], float32\[5\]\).*broadcast/,
    ],
    ['types', () => O.add(x, O.input('y', 'int64', [8])), /one element type/],
    ['channels', () => O.conv(x, weight), /takes 3 channels.*input 0 has 4/],
    ['windows', () => O.maxPool(x, [9, 9]), /window \(9\) is longer than padded axis 2 \(8\)/],
    ['matrices', () => O.matMul(x, O.input('y', 'float32', [7, 2])), /last axis of .* \(8\).*\(7\)/],
    [
      'element counts',
      () => O.reshape(O.input('y', 'float32', [2, 3]), [4, -1]),
      /6 elements of \[2, 3\] do not divide into \[4, -1\]/,
    ],
    ['axes', () => O.softmax(x, 4), /axis 4 is outside -4 … 3/],
    ['sizes', () => O.split(x, [1, 2], 1), /add up to 3, axis 1 has 4/],
    ['indices', () => O.gather(x, O.scalar(4, 'int64'), 1), /index 4 is outside -4 … 3/],
    ['equations', () => O.einsum('ij->ji', x), /"ij->ji" does not fit/],
    ['lengths', () => O.tile(O.input('y', 'float32', [2]), [-1]), /length -2/],
    ['counts of inputs', () => O.single('Where', [x, x], {}), /takes 3 inputs, not 2/],
    [
      'missing inputs',
      () => O.single('Reshape', [undefined, O.scalar(1, 'int64')], {}),
      /input 0 is missing/,
    ],
    [
      'data-dependent shapes',
      () => O.single('Squeeze', [x, O.input('axes', 'int64', [1])], {}),
      /has to be a constant/,
    ],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(O.GraphFailure)
    expect(build).toThrow(message)
  })
})

test('attributes come with their defaults, in one canonical form', () => {
  const pooled = O.maxPool(x, [2, 2]).node
  expect(pooled).toMatchObject({
    attributes: {
      strides: [1, 1],
      dilations: [1, 1],
      pads: [0, 0, 0, 0],
      auto_pad: 'NOTSET',
      ceil_mode: false,
    },
  })
  expect(O.softmax(x, -1).node).toMatchObject({ attributes: { axis: 3 } })
  expect(O.transpose(x).node).toMatchObject({ attributes: { perm: [3, 2, 1, 0] } })
  const same = O.conv(x, O.parameter('w', float32([1, 4, 3, 3], new Float32Array(36))), undefined, {
    auto_pad: 'SAME_UPPER',
    strides: [2, 2],
  })
  expect(same.node).toMatchObject({ attributes: { auto_pad: 'NOTSET', pads: [0, 0, 1, 1] } })
  // What a file can hold is what is computed with.
  expect(O.leakyRelu(x, { alpha: 0.1 }).node).toMatchObject({ attributes: { alpha: Math.fround(0.1) } })
})

test('what does nothing is nothing', () => {
  expect(O.reshape(x, [0, 4, 8, 8])).toBe(x)
  expect(O.transpose(x, [0, 1, 2, 3])).toBe(x)
  expect(O.cast(x, 'float32')).toBe(x)
  expect(O.expand(x, [1, 1, 8])).toBe(x)
  expect(O.slice(x, [0], [2 ** 31], [0])).toBe(x)
  expect(O.concat([x], 0)).toBe(x)
  expect(O.clip(x)).toBe(x)
  expect(O.reduceSum(x, [])).toBe(x)
  expect(O.reduceMean(O.unsqueeze(x, [2]), [2]).node).toMatchObject({ operator: 'Unsqueeze' })
})

describe('shape arithmetic', () => {
  const shape = O.shapeOf(x)
  const at = (i: number): O.Value => O.unsqueeze(O.gather(shape, O.scalar(i, 'int64')), [0])

  test('of known lengths is constant, even where others are not', () => {
    expect(tensorOf(at(1))).toEqual(int64([1], [4]))
    expect(tensorOf(O.slice(shape, [1], [4]))).toEqual(int64([3], [4, 8, 8]))
    expect(tensorOf(O.shapeOf(O.scalar(1)))).toEqual(int64([0], []))
  })

  test('of symbols keeps its meaning', () => {
    const rows = O.mul(at(0), 64)
    expect(O.reshapeTo(x, O.concat([rows, O.integersOf([4])], 0)).shape).toEqual(['64*batch', 4])
    expect(O.reshape(x, [-1, 4]).shape).toEqual(['64*batch', 4])
    expect(O.reshape(O.reshape(x, [-1, 4]), [-1, 8, 8, 4]).shape).toEqual(['batch', 8, 8, 4])
    expect(O.expandTo(O.scalar(1), shape).shape).toEqual(['batch', 4, 8, 8])
    // What exporters write for expand(-1, 4): where(shape == -1, ones, shape).
    const asked = O.concat([at(0), at(1)], 0)
    const target = O.where(O.equal(asked, -1), 1, asked)
    expect(O.expandTo(O.scalar(1), target).shape).toEqual(['batch', 4])
    expect(
      O.range(O.scalar(0, 'int64'), O.gather(shape, O.scalar(0, 'int64')), O.scalar(1, 'int64')).shape,
    ).toEqual(['batch'])
  })

  test('of what only the run can tell has unknown lengths', () => {
    const dims = O.input('dims', 'int64', [2])
    expect(O.reshapeTo(x, dims).shape).toEqual(['?', '?'])
    expect(O.nonZero(x).shape).toEqual([4, '?'])
  })
})

test('large results are left to the runtime', () => {
  const large = O.expand(O.scalar(0), [1000, 1000])
  expect(large).toMatchObject({ node: { kind: 'operator' }, shape: [1000, 1000] })
  expect(O.expand(O.scalar(0), [100, 100]).node.kind).toBe('constant')
})

test('64-bit integers that float64 cannot hold are left to the runtime', () => {
  const large = O.constant({ type: 'int64', dims: [1], data: BigInt64Array.of(2n ** 62n) })
  expect(O.add(large, large).node.kind).toBe('operator')
  expect(tensorOf(O.concat([large, large], 0)).data).toEqual(BigInt64Array.of(2n ** 62n, 2n ** 62n))
})

test('attributes are typed by operator', () => {
  // @ts-expect-error Cast has to say what to
  expect(() => O.single('Cast', [x], {})).toThrow()
  // @ts-expect-error Softmax has one axis, not several
  O.single('Softmax', [x], { axes: [1] })
  // @ts-expect-error an axis is a number
  expect(() => O.single('Softmax', [x], { axis: 'last' })).toThrow()
  // @ts-expect-error there is no such padding
  O.single('Pad', [x, O.integersOf([0, 0, 0, 0, 0, 0, 0, 0])], { mode: 'mirror' })
  // @ts-expect-error there is no such operator
  expect(() => O.single('Convolve', [x], {})).toThrow()
  const { node } = O.conv(x, O.parameter('w', float32([1, 4, 1, 1], new Float32Array(4))))
  if (node.kind === 'operator' && node.operator === 'Conv') {
    const strides: ReadonlyArray<number> = node.attributes.strides
    expect(strides).toEqual([1, 1])
  }
})
