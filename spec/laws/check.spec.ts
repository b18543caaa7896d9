import { describe, expect, it } from 'vitest'
import { check, showVerdict } from '../../lib/laws/index.js'
import { solvers, type SolverName, solverNames } from '../../lib/solver/index.js'

describe('the laws', () => {
  const all = solverNames.flatMap((name: SolverName) =>
    solvers[name].orders.map((order) => [name, order] as const),
  )
  it.each(all)('are kept by %s of order %d', (name, order) => {
    const verdict = check(solvers[name]({ order }), { runs: 40 })
    expect(verdict.passed, showVerdict(verdict)).toBe(true)
  })
  it('are kept by ddim with some noise', () => {
    const verdict = check(solvers.ddim({ order: 1, eta: 0.6 }), { runs: 40 })
    expect(verdict.passed, showVerdict(verdict)).toBe(true)
  })
})
