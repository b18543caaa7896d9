import { dit, type DiTOptions, parameterCount } from 'deriva/model'
import { describe, expect, it } from 'vitest'

const options: DiTOptions<'epsilon'> = {
  parameterisation: 'epsilon',
  sample: [3, 8, 16],
  classes: 10,
  patch: 4,
  width: 24,
  depth: 3,
  heads: 2,
  seed: 1,
}

describe('dit', () => {
  it('has as many weights as the paper counts', () => {
    const [d, p, c] = [24, 3 * 16, 10]
    const told = 64 * d + d + d * d + d + (c + 1) * d
    const block = d * 3 * d + 3 * d + d * d + d + (d * 4 * d + 4 * d) + (4 * d * d + d) + (6 * d * d + 6 * d)
    const ends = p * d + d + (2 * d * d + 2 * d) + (d * p + p)
    expect(parameterCount(dit(options))).toBe(told + 3 * block + ends)
  })

  it('refuses patches, heads and widths that do not divide', () => {
    expect(() => dit({ ...options, patch: 3 })).toThrow(/multiples of 3/)
    expect(() => dit({ ...options, heads: 5 })).toThrow(/5 attention heads/)
    expect(() => dit({ ...options, width: 30 })).toThrow(/multiple of 4/)
  })
})
