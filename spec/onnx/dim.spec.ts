import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dims, type Dim } from '../../lib/onnx/index.js'

const symbols = { a: 3, b: 5, c: 7 }

/** Sums and products of symbols and small numbers, and what they are for a = 3, b = 5, c = 7. */
const expression: fc.Arbitrary<{ readonly dim: Dim; readonly value: number }> = fc.letrec<{
  readonly tree: { readonly dim: Dim; readonly value: number }
}>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.integer({ min: 0, max: 9 }).map((n) => ({ dim: n, value: n })),
    fc.constantFrom('a' as const, 'b' as const, 'c' as const).map((s) => ({ dim: s, value: symbols[s] })),
    fc
      .tuple(tie('tree'), tie('tree'))
      .map(([x, y]) => ({ dim: dims.plus(x.dim, y.dim), value: x.value + y.value })),
    fc
      .tuple(tie('tree'), tie('tree'))
      .map(([x, y]) => ({ dim: dims.times(x.dim, y.dim), value: x.value * y.value + 0 })),
    fc
      .tuple(tie('tree'), tie('tree'))
      .map(([x, y]) => ({ dim: dims.minus(x.dim, y.dim), value: x.value - y.value })),
  ),
})).tree

const valueOf = (dim: Dim): Dim => dims.evaluateDim(dim, symbols)

test('symbolic arithmetic is arithmetic', () => {
  fc.assert(
    fc.property(expression, ({ dim, value }) => {
      expect([value, '?']).toContain(valueOf(dim))
    }),
  )
})

test('equal expressions are equal strings, whatever their order', () => {
  fc.assert(
    fc.property(expression, expression, (x, y) => {
      expect(dims.plus(x.dim, y.dim)).toBe(dims.plus(y.dim, x.dim))
      expect(dims.times(x.dim, y.dim)).toBe(dims.times(y.dim, x.dim))
      expect(dims.canonicalDim(x.dim)).toBe(x.dim)
    }),
  )
})

test('division is exact or refused', () => {
  fc.assert(
    fc.property(expression, expression, (x, y) => {
      const quotient = dims.divide(x.dim, y.dim)
      if (quotient !== undefined && y.value !== 0) expect(valueOf(quotient)).toBe(x.value / y.value + 0)
    }),
  )
  expect(dims.divide('4*batch', 2)).toBe('2*batch')
  expect(dims.divide(dims.times('batch', 'height'), 'height')).toBe('batch')
  expect(dims.divide('batch', 2)).toBeUndefined()
  expect(dims.divide(8, 0)).toBeUndefined()
  expect(dims.floorDivide(7, 2)).toBe(3)
  expect(dims.floorDivide('batch', 2)).toBe('?')
})

test('an unknown length equals nothing, but may be anything', () => {
  expect(dims.sameDim('?', '?')).toBe(false)
  expect(dims.mayEqual('?', 3)).toBe(true)
  expect(dims.mayEqual(2, 3)).toBe(false)
  expect(dims.plus('?', 1)).toBe('?')
  expect(dims.times('?', 0)).toBe(0)
  expect(dims.evaluateDim('?', {})).toBe('?')
})

test('expressions do not grow without end', () => {
  let dim = dims.plus('a', 'b')
  for (let i = 0; i < 30; i++) dim = dims.times(dim, dim)
  expect(dim).toBe('?')
})
