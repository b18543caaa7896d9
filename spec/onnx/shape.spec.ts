import { describe, expect, test } from 'vitest'
import {
  axisOf,
  broadcast,
  elementCount,
  isStatic,
  mayMatch,
  sameShape,
  showShape,
} from '../../lib/onnx/index.js'

describe('broadcast', () => {
  test.each([
    [[], [3], [3]],
    [
      [2, 1, 4],
      [3, 1],
      [2, 3, 4],
    ],
    [
      ['batch', 1],
      [1, 5],
      ['batch', 5],
    ],
    [
      ['batch', 3],
      ['batch', 3],
      ['batch', 3],
    ],
    // Either symbol may turn out to be 1, so the result is one of them, and nobody knows which.
    [['batch'], ['tokens'], ['?']],
    [['batch'], [4], [4]],
    [[0], [1], [0]],
  ] as const)('%j and %j give %j', (a, b, shape) => {
    expect(broadcast(a, b)).toEqual(shape)
    expect(broadcast(b, a)).toEqual(shape)
  })

  test('refuses different lengths other than 1', () => {
    expect(broadcast([2, 3], [3, 2])).toBeUndefined()
  })
})

test('sameness is certain, matching is possible', () => {
  expect(sameShape(['batch', 3], ['batch', 3])).toBe(true)
  expect(sameShape(['?'], ['?'])).toBe(false)
  expect(mayMatch(['?', 3], [4, 3])).toBe(true)
  expect(mayMatch([4, 3], [4, 3, 1])).toBe(false)
})

test('counts, axes and names', () => {
  expect(elementCount(['batch', 3, 4])).toBe('12*batch')
  expect(elementCount([])).toBe(1)
  expect(axisOf(-1, 3)).toBe(2)
  expect(axisOf(3, 3)).toBeUndefined()
  expect(axisOf(0.5, 3)).toBeUndefined()
  expect(isStatic([2, 3])).toBe(true)
  expect(isStatic(['batch', 3])).toBe(false)
  expect(showShape(['batch', 3])).toBe('[batch, 3]')
})
