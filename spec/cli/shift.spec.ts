import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shiftedGrid, shiftedTimesteps } from '../../lib/cli/index.js'
import { flow, uniformTimesteps } from '../../lib/path/index.js'
import { trailing } from '../../lib/solver/index.js'

const path = flow()
const shifts = fc.double({ min: 0.1, max: 10, noNaN: true })

describe('shifts', () => {
  it('keep both ends of the path, and the order', () => {
    fc.assert(
      fc.property(shifts, fc.integer({ min: 1, max: 50 }), (s, steps) => {
        const grid = shiftedGrid(s, path, trailing(path, steps))
        expect(grid).toHaveLength(steps + 1)
        expect(grid[0].sigma).toBeCloseTo(1, 12)
        expect(grid[steps].sigma).toBe(0)
        for (let i = 1; i < grid.length; i++) expect(grid[i].sigma).toBeLessThan(grid[i - 1].sigma)
      }),
    )
  })

  it('compose by multiplication, and 1 is none', () => {
    fc.assert(
      fc.property(
        shifts,
        shifts,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (a, b, u) => {
          const twice = shiftedTimesteps(a, shiftedTimesteps(b, uniformTimesteps))(path, u, 0)
          expect(twice).toBeCloseTo(shiftedTimesteps(a * b, uniformTimesteps)(path, u, 0), 8)
          expect(shiftedTimesteps(1, uniformTimesteps)(path, u, 0)).toBe(uniformTimesteps(path, u, 0))
        },
      ),
    )
  })

  it('move the middle to s / (s + 1)', () => {
    expect(shiftedTimesteps(3, () => 500)(path, 0, 0)).toBeCloseTo(750, 9)
  })
})
