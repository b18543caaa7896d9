import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { rootedTrees } from '../../lib/solver/rooted-tree.js'
import { rk4Tableau, tableau, type Coefficients } from '../../lib/solver/index.js'

const refused = (numbers: Coefficients): string => {
  const checked = tableau('t', numbers)
  return E.isLeft(checked) ? checked.left.message : 'accepted'
}

describe('tableaux', () => {
  it('work out their order', () => {
    expect(rk4Tableau.order).toBe(4)
    const cases: ReadonlyArray<readonly [Coefficients, number]> = [
      [{ c: [0], a: [[]], b: [1] }, 1],
      [{ c: [0, 1 / 2], a: [[], [1 / 2]], b: [0, 1] }, 2],
      [{ c: [0, 1 / 2, 1], a: [[], [1 / 2], [-1, 2]], b: [1 / 6, 2 / 3, 1 / 6] }, 3],
      // Butcher's method of order 5 (2016, eq. 236a).
      [
        {
          c: [0, 1 / 4, 1 / 4, 1 / 2, 3 / 4, 1],
          a: [
            [],
            [1 / 4],
            [1 / 8, 1 / 8],
            [0, -1 / 2, 1],
            [3 / 16, 0, 0, 9 / 16],
            [-3 / 7, 2 / 7, 12 / 7, -12 / 7, 8 / 7],
          ],
          b: [7 / 90, 0, 32 / 90, 12 / 90, 32 / 90, 7 / 90],
        },
        5,
      ],
    ]
    for (const [numbers, order] of cases)
      expect(tableau('t', numbers)).toEqual(E.right({ name: 't', ...numbers, order }))
  })
  it('with one wrong digit lose it', () => {
    const { c, a } = rk4Tableau
    const bent = tableau('t', { c, a, b: [0.166, 1 / 3, 1 / 3, 1 / 6 + (1 / 6 - 0.166)] })
    expect(E.isRight(bent) && bent.right.order).toBe(1)
  })
  it('that are not methods say why', () => {
    expect(refused({ c: [0, 1], a: [[], [0.9]], b: [0.5, 0.5] })).toContain('row 1 of a sums to 0.9')
    expect(refused({ c: [0, 1], a: [[], [1]], b: [0.5, 0.6] })).toContain('b sums to 1.1')
    expect(refused({ c: [0, 1], a: [[], [0.5, 0.5]], b: [0.5, 0.5] })).toContain(
      'row 1 of a must have 1 entries',
    )
    expect(refused({ c: [0], a: [[], [1]], b: [0.5, 0.5] })).toContain('one entry per stage')
    expect(refused({ c: [0, 2], a: [[], [2]], b: [0.5, 0.5] })).toContain('c[1] must lie in [0, 1]')
    expect(refused({ c: [0, NaN], a: [[], [NaN]], b: [0.5, 0.5] })).toContain('finite')
  })
})

describe('rooted trees', () => {
  it('are counted right (OEIS A000081)', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((n) => rootedTrees(n).length)).toEqual([1, 1, 2, 4, 9, 20, 48])
  })
})
