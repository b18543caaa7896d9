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

/** The order seen at the finest pair of grids whose errors are not rounding; and the error there. */
const observed = (solver: Solver, executor: Executor, problem: Problem): { order: number; error: number } => {
  let steps = 16
  let coarse = errorOf(solver, executor, problem, steps)
  let order = 0
  for (;;) {
    steps *= 2
    const fine = errorOf(solver, executor, problem, steps)
    if (fine < rounding) return { order, error: coarse }
    order = Math.log2(coarse / fine)
    coarse = fine
    if (steps >= 512) return { order, error: fine }
  }
}

/**
 * The order of convergence a solver shows on problems with known ends, least over them: one number to compare with `solver.order`.
 * Only for solvers that draw no noise.
 *
 * @example
 * const two = observedOrder(heun(), execute) // about 2
 */
export const observedOrder = (solver: Solver, executor: Executor): number =>
  Math.min(...problems.map((problem) => observed(solver, executor, problem).order))

/** How far below its declared order a solver may be seen to converge. */
const allowance = 0.15

/** Halving the steps divides the error by two to the order, and in the end there is no error. */
export const order: Law = {
  statement:
    'the error on problems with known ends falls with the declared order, within 0.15, and is small at 512 steps',
  concerns: (solver) => !solver.stochastic,
  refute: (solver, executor): Finding | undefined => {
    for (const problem of problems) {
      const { order, error } = observed(solver, executor, problem)
      const counterexample = `${problem.label}, evenly spaced in half log-SNR`
      if (!(error < 0.01))
        return { counterexample, reason: `the error at the finest grid is ${error}: it does not converge` }
      if (order < solver.order - allowance)
        return { counterexample, reason: `the observed order is ${order.toFixed(2)}, not ${solver.order}` }
    }
    return undefined
  },
}
