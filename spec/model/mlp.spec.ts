import { mlp, parameterCount } from 'deriva/model'
import { describe, expect, it } from 'vitest'

describe('mlp', () => {
  it('has as many weights as its layers add up to', () => {
    const model = mlp({ parameterisation: 'sample', sample: [5], classes: 2, width: 8, depth: 3, seed: 1 })
    const linear = (from: number, to: number): number => from * to + to
    expect(parameterCount(model)).toBe(
      linear(64, 8) + linear(8, 8) + 3 * 8 + linear(5, 8) + 3 * (linear(16, 8) + linear(8, 8)) + linear(8, 5),
    )
  })
})
