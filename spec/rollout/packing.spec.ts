import { pack } from 'deriva/rollout'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('pack', () => {
  it('costs exactly the sum of the lengths, never batch × longest', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (lengths) => {
        const { active } = pack(lengths)
        expect(active.reduce((a, b) => a + b, 0)).toBe(lengths.reduce((a, b) => a + b, 0))
        expect(active.every((n) => n > 0)).toBe(true)
      }),
    )
  })

  it('keeps the samples still moving a prefix of a permutation', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (lengths) => {
        const { order, active } = pack(lengths)
        expect([...order].sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i))
        active.forEach((count, j) => {
          expect([...order.subarray(0, count)].every((i) => lengths[i] > j)).toBe(true)
          expect([...order.subarray(count)].every((i) => lengths[i] <= j)).toBe(true)
        })
      }),
    )
  })
})
