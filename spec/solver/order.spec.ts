import { describe, expect, it } from 'vitest'
import { ddpm, flow, type Path, type Point } from '../../lib/path/index.js'
import { dpm, euler, execute, program, rk4, unipc, type Solver } from '../../lib/solver/index.js'
import { exactEnd, perfectDenoiser } from '../../lib/laws/index.js'
import { gauss } from './golden.js'

/** Points evenly spaced in half log-SNR, away from both ends. */
const even = (path: Path, steps: number): ReadonlyArray<Point> =>
  Array.from({ length: steps + 1 }, (_, i) => path.atLambda(-1.5 + (3 * i) / steps))

const error = (solver: Solver, path: Path, points: ReadonlyArray<Point>): number => {
  const x = Float64Array.of(1.3)
  const [end] = execute(
    program(solver, path, 'flow_matching', points),
    perfectDenoiser(gauss, 'flow_matching'),
    x,
  )
  return Math.abs(end - exactEnd(gauss, x[0], points[0], points[points.length - 1]))
}

/** log2 of the ratio of errors as the number of steps doubles. */
const slope = (solver: Solver, path: Path, steps: number): number =>
  Math.log2(error(solver, path, even(path, steps)) / error(solver, path, even(path, 2 * steps)))

const variance = ddpm({ betaSchedule: 'linear' })

describe('orders of convergence', () => {
  const cases: ReadonlyArray<readonly [label: string, solver: Solver, steps: number]> = [
    ['euler', euler(), 256],
    ['dpm 2', dpm({ order: 2, lowerBelow: 0 }), 256],
    ['dpm 3', dpm({ order: 3, lowerBelow: 0 }), 256],
    ['unip 2', unipc({ order: 2, corrector: false }), 256],
    ['unip 3', unipc({ order: 3, corrector: false }), 256],
    ['unipc 1', unipc({ order: 1 }), 256],
    ['unipc 2', unipc({ order: 2 }), 256],
    ['unipc 5', unipc({ order: 5 }), 256],
    ['rk4', rk4(), 32],
  ]
  it.each(cases)('%s', (_, solver, steps) => {
    for (const path of [flow(), variance])
      expect(Math.abs(slope(solver, path, steps) - solver.order)).toBeLessThan(0.2)
  })
})
