import { describe, expect, it } from 'vitest'
import { check, showVerdict } from '../../lib/laws/index.js'
import { adams, ddim, dpm, dpmSinglestep, solvers, unipc, type Solver } from '../../lib/solver/index.js'

const registered: ReadonlyArray<readonly [label: string, solver: Solver]> = Object.entries(solvers).flatMap(
  ([name, make]) => make.orders.map((order) => [`${name} of order ${order}`, make({ order })] as const),
)

const variants: ReadonlyArray<readonly [label: string, solver: Solver]> = [
  ['ddim with some noise', ddim({ eta: 0.6 })],
  ['dpm, heun', dpm({ order: 2, type: 'heun' })],
  ['dpm on noise', dpm({ order: 3, interpolated: 'noise' })],
  ['dpm, never lowered', dpm({ order: 3, lowerBelow: 0 })],
  ['dpm with some noise', dpm({ order: 2, eta: 0.3, type: 'heun' })],
  ['dpm singlestep, heun', dpmSinglestep({ order: 3, type: 'heun' })],
  ['dpm singlestep on noise', dpmSinglestep({ order: 2, interpolated: 'noise' })],
  ['unipc 1, bh1', unipc({ order: 1, variant: 'bh1' })],
  ['unipc 2, bh1', unipc({ order: 2, variant: 'bh1' })],
  ['unipc, all rho solved for', unipc({ order: 3, rho: 'solved' })],
  ['unipc on noise', unipc({ order: 2, interpolated: 'noise' })],
  ['unip', unipc({ order: 3, corrector: false })],
  ['adams, even and corrected', adams({ order: 3, weighing: 'even', corrector: true })],
]

describe('the laws', () => {
  it.each([...registered, ...variants])('are kept by %s', (_, solver) => {
    const verdict = check(solver, { runs: 40 })
    expect(verdict.passed, showVerdict(verdict)).toBe(true)
  })
})
