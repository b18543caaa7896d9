import { constant, encode, type Value } from 'deriva/onnx'
import { clipByGlobalNorm, clipByValue, clipped, globalNorm } from 'deriva/train'
import { float32 } from 'deriva/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runModel } from '../onnx/run-model.js'

/** Two gradients, a matrix and a vector, from six numbers. */
const gradientsOf = (xs: ReadonlyArray<number>): ReadonlyArray<Value> => [
  constant(float32([2, 2], xs.slice(0, 4))),
  constant(float32([2], xs.slice(4))),
]

const numbersOf = async (values: ReadonlyArray<Value>): Promise<ReadonlyArray<number>> => {
  const outputs = Object.fromEntries(values.map((value, i) => [`y${i}`, value]))
  const found = await runModel(encode({ outputs, parameters: 'inputs' }), {})
  return Object.keys(outputs).flatMap((name) => Array.from(found.get(name)?.data ?? [], Number))
}

const six = fc.array(fc.double({ min: -10, max: 10, noNaN: true }).map(Math.fround), {
  minLength: 6,
  maxLength: 6,
})
const limits = fc.constantFrom(0.5, 1, 4, 100)

const near = (found: ReadonlyArray<number>, expected: ReadonlyArray<number>): void => {
  expect(found).toHaveLength(expected.length)
  found.forEach((x, i) => {
    expect(Math.abs(x - expected[i])).toBeLessThan(1e-5)
  })
}

describe('clipping', () => {
  it('by value cuts every element, and only what is too large', async () => {
    await fc.assert(
      fc.asyncProperty(six, limits, async (xs, limit) => {
        const cut = xs.map((x) => Math.max(-limit, Math.min(limit, x)))
        expect(await numbersOf(clipByValue(gradientsOf(xs), limit))).toEqual(cut)
      }),
      { numRuns: 20 },
    )
  })

  it('by norm scales all gradients by one factor', async () => {
    await fc.assert(
      fc.asyncProperty(six, limits, async (xs, limit) => {
        const norm = Math.hypot(...xs)
        near(await numbersOf([globalNorm(gradientsOf(xs))]), [norm])
        const factor = Math.min(1, limit / (norm + 1e-6))
        near(
          await numbersOf(clipByGlobalNorm(gradientsOf(xs), limit)),
          xs.map((x) => x * factor),
        )
      }),
      { numRuns: 20 },
    )
  })

  it('measures the norm of a large matrix to six digits', async () => {
    const large = constant(float32([2048, 2048], new Float32Array(2 ** 22).fill(0.1)))
    const [norm] = await numbersOf([globalNorm([large])])
    expect(Math.abs(norm / 204.8 - 1)).toBeLessThan(2e-5)
  })

  it('of both kinds cuts elements first', async () => {
    const both = clipped(gradientsOf([3, -3, 0, 0, 0, 9]), { maxGradientValue: 1, maxGradientNorm: 0.5 })
    const x = 0.5 / Math.sqrt(3)
    near(await numbersOf(both), [x, -x, 0, 0, 0, x])
  })

  it('leaves gradients alone unless asked', () => {
    const gradients = gradientsOf([1, 2, 3, 4, 5, 6])
    expect(clipped(gradients, {})).toBe(gradients)
  })
})
