import type { Path } from '../path/index.js'
import { type Grid, program, type Solver, type UnrolledShape, unitSteps } from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'
import type { PlanOptions } from './plan.js'

/** No solver looks further back than this. */
const history = 32

/** The longest way that a plan may ask for, as far as it makes a difference. */
const longest = ({ maxStepOffset, grid, stride = 1 }: PlanOptions, path: Path, steps: number): Grid => {
  const whole = grid ?? unitSteps(path, path.noisiest.timestep, 0, stride)
  return whole.slice(0, Math.min(maxStepOffset, steps + history) + 1)
}

/**
 * How much room the last so many steps of a plan's rollouts take in a graph.
 *
 * @param steps how many of the last steps of every rollout the graph makes
 * @example
 * const options = { maxStepOffset: 4, stride: 25, probability: () => 0.5 }
 * const { evaluations, registers } = tailShape(rk4(), flow(), 'flow_matching', options, 1) // 4 evaluations
 */
export const tailShape = (
  solver: Solver,
  path: Path,
  parameterisation: Parameterisation,
  options: PlanOptions,
  steps: number,
): UnrolledShape => {
  const way = longest(options, path, steps)
  const programs = way.map((_, k) => program(solver, path, parameterisation, way.slice(0, k + 1)))
  const tails = programs.map(
    ({ evaluations }, k) => evaluations.length - programs[Math.max(0, k - steps)].evaluations.length,
  )
  return {
    evaluations: Math.max(0, ...tails),
    registers: Math.max(1, ...programs.map(({ registers }) => registers)),
  }
}
