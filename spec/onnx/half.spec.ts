import fc from 'fast-check'
import { expect, test } from 'vitest'
import { float16Bits, float16BitsOf, float16Value, float16Values } from '../../lib/onnx/index.js'

test('every half is read and written as itself', () => {
  for (let bits = 0; bits < 65_536; bits++) {
    const x = float16Value(bits)
    if (!Number.isNaN(x) && float16Bits(x) !== bits)
      throw new Error(`${x} is written as ${float16Bits(x)}, not ${bits}`)
  }
  expect(float16Value(float16Bits(NaN))).toBeNaN()
})

test('every number is rounded to the nearest half, ties to the even one', () => {
  fc.assert(
    fc.property(fc.double({ min: -65504, max: 65504, noNaN: true }), (x) => {
      const bits = float16Bits(x)
      const rounded = float16Value(bits)
      // Magnitudes of one sign are ordered like their bits, so the neighbours are one apart.
      const magnitude = bits & 0x7fff
      const neighbours = [magnitude - 1, magnitude + 1].filter((b) => b >= 0 && b < 0x7c00)
      for (const neighbour of neighbours) {
        const other = float16Value((bits & 0x8000) | neighbour)
        expect(Math.abs(rounded - x)).toBeLessThanOrEqual(Math.abs(other - x))
        if (Math.abs(rounded - x) === Math.abs(other - x) && rounded !== x) expect(magnitude % 2).toBe(0)
      }
    }),
  )
})

test.each([
  [65504, 0x7bff],
  [65519.99, 0x7bff],
  [65520, 0x7c00],
  [-Infinity, 0xfc00],
  [2 ** -24, 1],
  [2 ** -25, 0],
  [-0, 0x8000],
  [0.1, 0x2e66],
])('%s is %i', (x, bits) => {
  expect(float16Bits(x)).toBe(bits)
})

test('many are read and rounded as one is', () => {
  const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)
  expect(float16Values(all)).toEqual(Float32Array.from(all, float16Value))
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 64 }),
      (patterns) => {
        // Every bit pattern of a float32, and what lies around the ties of halves.
        const any = new Float32Array(Int32Array.from(patterns).buffer)
        const ties = Float32Array.from(patterns, (p) => {
          const [low, high] = [float16Value(p & 0x7bfe), float16Value((p & 0x7bfe) + 1)]
          return (low + high) / 2
        })
        for (const values of [any, ties])
          expect(float16BitsOf(values)).toEqual(Uint16Array.from(values, float16Bits))
      },
    ),
  )
})
