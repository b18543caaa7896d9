import { ddpm, flow, type Path, type Point } from '../path/index.js'
import { program, type Solver } from '../solver/index.js'
import type { Executor, Finding, Law } from './law.js'
import { exactEnd, gaussian, perfectDenoiser, twoPeaks, type Mixture } from './problem.js'

/** A problem with a known end. */
type Problem = {
  readonly label: string
  readonly path: Path
  readonly mixture: Mixture
  readonly x: ReadonlyArray<number>
}

const problems: ReadonlyArray<Problem> = [
  { label: 'Gaussian data on the flow path', path: flow(), mixture: gaussian, x: [1.3, -0.7] },
  {
    label: 'two peaks on a ddpm path',
    path: ddpm({ betaSchedule: 'linear' }),
    mixture: twoPeaks,
    x: [0.9, -1.2],
  },
]

/** Points evenly spaced in half log-SNR, from noisy to clean, away from both ends. */
const even = (path: Path, steps: number): ReadonlyArray<Point> =>
  Array.from({ length: steps + 1 }, (_, i) => path.atLambda(-1.5 + (3 * i) / steps))

const errorOf = (
  solver: Solver,
  executor: Executor,
  { path, mixture, x }: Problem,
  steps: number,
): number => {
  const points = even(path, steps)
  const end = executor(
    program(solver, path, 'sample', points),
    perfectDenoiser(mixture, 'sample'),
    Float64Array.from(x),
  )
  return x.reduce(
    (most, xi, i) => Math.max(most, Math.abs(end[i] - exactEnd(mixture, xi, points[0], points[steps]))),
    0,
  )
}

/** Below this, errors are rounding and say nothing about the method. */
const rounding = 1e-11

/** How far below its declared order a solver may be seen to converge. */
const allowance = 0.15

/** The grids: refined until the errors are rounding or the order hoped for is there, and no further than the last of them. */
const grids = { first: 16, usual: 512, last: 4096 } as const

/**
 * The order seen between the finest grids whose errors are not rounding, and the error there. The better of the last halving and the
 * mean of the last three: an error that passes through zero on its way makes one halving look bad and its neighbour too good. Methods
 * whose errors of different orders nearly cancel show their order only on finer grids than usual.
 */
const observed = (
  solver: Solver,
  executor: Executor,
  problem: Problem,
  hoped: number,
): { readonly order: number; readonly error: number } => {
  const errors: Array<number> = []
  let order = Infinity
  for (let steps: number = grids.first; steps <= grids.last; steps *= 2) {
    if (steps > grids.usual && order >= hoped) break
    const error = errorOf(solver, executor, problem, steps)
    // With fewer than two errors to speak of the method is too accurate to tell.
    if (error < rounding) break
    errors.push(error)
    const last = errors.length - 1
    const over = (halvings: number): number => Math.log2(errors[last - halvings] / error) / halvings
    if (last > 0) order = Math.max(over(1), over(Math.min(3, last)))
  }
  return { order, error: errors.at(-1) ?? 0 }
}

/** Halving the steps divides the error by two to the order, and in the end there is no error. */
export const order: Law = {
  statement:
    'the error on problems with known ends falls with the declared order, within 0.15, and is small in the end',
  concerns: (solver) => !solver.stochastic,
  refute: (solver, executor): Finding | undefined => {
    for (const problem of problems) {
      const { order, error } = observed(solver, executor, problem, solver.order - allowance)
      const counterexample = `${problem.label}, evenly spaced in half log-SNR`
      if (!(error < 0.01))
        return { counterexample, reason: `the error at the finest grid is ${error}: it does not converge` }
      if (order < solver.order - allowance)
        return { counterexample, reason: `the observed order is ${order.toFixed(2)}, not ${solver.order}` }
    }
    return undefined
  },
}
