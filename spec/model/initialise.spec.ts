import { filled, gaussian, scope, xavierUniform, zeros } from 'deriva/model'
import type { Key } from 'deriva/random'
import { describe, expect, it } from 'vitest'

const key: Key = { seed: 3, purpose: 'initialisation', step: 0, sample: 9 }

const deviation = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)

describe('initialisers', () => {
  it('fill', () => {
    expect(Array.from(zeros([2, 2], key))).toEqual([0, 0, 0, 0])
    expect(Array.from(filled(3)([2], key))).toEqual([3, 3])
  })

  it('xavierUniform spreads over ±√(6 / (fan_in + fan_out)), kernels counted with their area', () => {
    for (const [dims, bound] of [
      [[100, 200], Math.sqrt(6 / 300)],
      [[40, 20, 3, 3], Math.sqrt(6 / (9 * 60))],
    ] as const) {
      const values = xavierUniform(dims, key)
      expect(Math.max(...values)).toBeLessThanOrEqual(bound)
      expect(Math.max(...values)).toBeGreaterThan(0.99 * bound)
      expect(Math.min(...values)).toBeLessThan(-0.99 * bound)
      expect(deviation(values)).toBeCloseTo(bound / Math.sqrt(3), 2)
    }
  })

  it('gaussian has the deviation it is given', () => {
    expect(deviation(gaussian(0.02)([10_000], key))).toBeCloseTo(0.02, 3)
  })
})

describe('scope', () => {
  it('names weights by their path and draws them under their name alone', () => {
    const at = scope(1).at('blocks').at(0)
    const weight = at.parameter('weight', [4], gaussian(1))
    expect(weight.node).toMatchObject({ kind: 'parameter', name: 'blocks.0.weight' })
    expect(scope(1).at('blocks').at(0).parameter('weight', [4], gaussian(1))).toEqual(weight)
    expect(scope(1).at('blocks').at(1).parameter('weight', [4], gaussian(1)).node).not.toMatchObject({
      initial: weight.node.kind === 'parameter' ? weight.node.initial : {},
    })
  })
})
