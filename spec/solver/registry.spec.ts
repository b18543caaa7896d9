import * as E from 'fp-ts/lib/Either.js'
import { ddpm, flow } from '../../lib/path/index.js'
import { describe, expect, it } from 'vitest'
import { gridNames, gridOf, grids, solverNames, solverOf, solvers } from '../../lib/solver/index.js'

describe('the registry of solvers', () => {
  it('makes every solver of every order it names', () => {
    for (const name of solverNames)
      for (const order of solvers[name].orders) {
        const made = solverOf(name, { order })
        expect(E.isRight(made) && made.right.name.length > 0).toBe(true)
      }
  })
  it('lists the names there are for one there is not', () => {
    const refused = solverOf('unpic', { order: 2 })
    expect(E.isLeft(refused) && refused.left.message).toContain(solverNames.join(', '))
    expect(E.isLeft(solverOf('toString', { order: 2 }))).toBe(true)
  })
  it('lists the orders of a solver for one it has not', () => {
    const refused = solverOf('dpm', { order: 4 })
    expect(E.isLeft(refused) && refused.left.problems).toEqual([
      { key: 'order of dpm', value: 4, allowed: '1, 2, 3' },
    ])
    expect(E.isRight(solverOf('euler', { order: 2 }))).toBe(true)
  })
})

describe('the registry of grids', () => {
  it('lays out every grid it names on every path, down to clean data', () => {
    for (const name of gridNames)
      for (const path of [flow(), ddpm({ betaSchedule: 'linear' })]) {
        const points = grids[name](path, 7)
        expect(points).toHaveLength(8)
        expect(points[7]).toBe(path.clean)
        expect(E.isRight(gridOf(name))).toBe(true)
      }
  })
  it('lists the names there are for one there is not', () => {
    const refused = gridOf('caras')
    expect(E.isLeft(refused) && refused.left.message).toContain('trailing, leading')
  })
})
