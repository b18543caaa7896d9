import type { Path } from '../path/index.js'
import {
  type Grid,
  program,
  type Program,
  type Solver,
  type UnrolledShape,
  unitSteps,
} from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'
import type { PlanOptions } from './plan.js'

/** No solver looks further back than this. */
const history = 32

/** Nor does any group more steps than this to one. */
const nearEnd = 4

/**
 * The longest ways that a plan may ask for, as far as it makes a difference: from the noisiest point, from the one after it, amid the
 * grid, and to its end. Where there is no data yet, or no noise any more, coefficients vanish, and programs need less room.
 */
const longest = (
  { maxStepOffset, grid, stride = 1 }: PlanOptions,
  path: Path,
  steps: number,
): ReadonlyArray<Grid> => {
  const whole = grid ?? unitSteps(path, path.noisiest.timestep, 0, stride)
  const points = Math.min(maxStepOffset, steps + history) + 1
  const last = Math.max(0, whole.length - points)
  const { timestep } = path.noisiest
  // Long steps may leave no way on the grid that touches neither end, where targets between its points have one.
  const amid = Array.from({ length: points }, (_, i) => path.at(timestep * (0.9 - (0.8 * i) / points)))
  return [...[0, 1, Math.floor(last / 2), last].map((from) => whole.slice(from, from + points)), amid]
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
  const rooms = longest(options, path, steps).map((way): UnrolledShape => {
    const along = (k: number): Program => program(solver, path, parameterisation, way.slice(0, k + 1))
    const programs = [...way.keys()]
      // Between the beginning and the end one step more needs as much room as the one before, and all lengths take minutes.
      .filter((k) => k <= history || k >= Math.min(steps, way.length - nearEnd))
      .map((k) => ({ k, ...along(k) }))
    const tails = programs.map(
      ({ k, evaluations }) => evaluations.length - along(Math.max(0, k - steps)).evaluations.length,
    )
    return {
      evaluations: Math.max(0, ...tails),
      registers: Math.max(1, ...programs.map(({ registers }) => registers)),
    }
  })
  return {
    evaluations: Math.max(...rooms.map(({ evaluations }) => evaluations)),
    registers: Math.max(...rooms.map(({ registers }) => registers)),
  }
}
