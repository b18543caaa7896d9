import type { Path, Point } from '../path/index.js'
import type { Parameterisation } from '../types/index.js'
import { allocate, type Allocation } from './registers.js'
import { route, type Route } from './route.js'
import type { Solver } from './solver.js'
import { trace, type Trace, type Value } from './trace.js'

/** One model call and what to do with it. */
export type Evaluation = {
  /** Where the model is evaluated, on register 0. */
  readonly at: Point
  /**
   * The new registers from the old ones r and the model's raw output: row-major, [registers, registers + 1] acting on [r; out], or
   * [registers, registers + 2] acting on [r; out; noise] in a program that draws noise. All finite.
   */
  readonly mix: Float64Array
}

/**
 * A trajectory as a list of small matrices. Registers are latents; register 0 starts as the initial latent, the others as zeros.
 * Per evaluation out = model(r[0], at), then r ← mix·[r; out]. Register 0 ends as the result. All solvers, paths and
 * parameterisations come down to this.
 */
export type Program = {
  readonly registers: number
  /** Whether each evaluation mixes in one fresh standard normal latent as well. */
  readonly noise: boolean
  readonly evaluations: ReadonlyArray<Evaluation>
}

/** The coefficients of each register, just after an evaluation, over the registers before it, the output and the noise. */
const mixes = (
  { evaluations }: Trace,
  allocation: Allocation,
  registers: number,
  columns: number,
): Program['evaluations'] => {
  /** The values expressed so far, for the evaluation at hand. */
  let rows = new Map<Value, Float64Array>()
  const rowOf = (value: Value): Float64Array => {
    const before = rows.get(value)
    if (before !== undefined) return before
    const row = new Float64Array(columns)
    value.parts.forEach((part, p) => {
      const weight = value.weights[p]
      const partRow = rowOf(part)
      for (let j = 0; j < columns; j++) row[j] += weight * partRow[j]
    })
    rows.set(value, row)
    return row
  }
  return evaluations.map(({ at, out, noise }, i) => {
    rows = new Map()
    const unit = (value: Value, column: number) =>
      rows.set(value, new Float64Array(columns).fill(1, column, column + 1))
    allocation[i].forEach((value, r) => {
      if (value !== undefined) unit(value, r)
    })
    unit(out, registers)
    if (columns > registers + 1) unit(noise, registers + 1)
    const mix = new Float64Array(registers * columns)
    allocation[i + 1].forEach((value, r) => {
      if (value !== undefined) mix.set(rowOf(value), r * columns)
    })
    return { at, mix }
  })
}

const compile = (solver: Solver, along: Route, parameterisation: Parameterisation): Program => {
  const traced = trace(solver, along, parameterisation)
  const allocation = allocate(traced)
  const registers = allocation.reduce((most, held) => Math.max(most, held.length), 1)
  const columns = registers + (solver.stochastic ? 2 : 1)
  const evaluations = mixes(traced, allocation, registers, columns)
  for (const { at, mix } of evaluations)
    if (!mix.every(Number.isFinite))
      throw new Error(
        `Solver '${solver.name}' has no finite step at timestep ${at.timestep} (alpha ${at.alpha}, sigma ${at.sigma}) for ${parameterisation}`,
      )
  return { registers, noise: solver.stochastic, evaluations }
}

/** How many programs are remembered per solver, path and parameterisation: all unit-step rollouts of up to 16 steps of a training run. */
const mostRemembered = 16_384

type Remembered = Map<string, { readonly points: ReadonlyArray<Point>; readonly program: Program }>
const memory = new WeakMap<Solver, WeakMap<Path, Map<Parameterisation, Remembered>>>()

const remembered = (solver: Solver, path: Path, parameterisation: Parameterisation): Remembered => {
  const ofSolver = memory.get(solver) ?? new WeakMap<Path, Map<Parameterisation, Remembered>>()
  memory.set(solver, ofSolver)
  const ofPath = ofSolver.get(path) ?? new Map<Parameterisation, Remembered>()
  ofSolver.set(path, ofPath)
  const programs: Remembered = ofPath.get(parameterisation) ?? new Map<string, never>()
  ofPath.set(parameterisation, programs)
  return programs
}

const samePoints = (a: ReadonlyArray<Point>, b: ReadonlyArray<Point>): boolean =>
  a.length === b.length &&
  a.every((p, i) => p.alpha === b[i].alpha && p.sigma === b[i].sigma && p.timestep === b[i].timestep)

/**
 * The program of a trajectory through these points, from noisy to clean, for a model of this parameterisation. Programs are
 * remembered, so that asking again for the same one is cheap. With fewer than two different points the program is empty.
 * `ahead` is how many steps the grid goes on beyond the last point, see `Route`.
 * Throws a RangeError for points that are no trajectory, and an Error for a solver without a finite step somewhere.
 *
 * @example
 * const path = flow()
 * const rollout = program(unipc({ order: 2 }), path, 'flow_matching', unitSteps(path, 507, 500))
 */
export const program = (
  solver: Solver,
  path: Path,
  parameterisation: Parameterisation,
  points: ReadonlyArray<Point>,
  ahead?: number,
): Program => {
  const programs = remembered(solver, path, parameterisation)
  let key = String(ahead)
  for (const { timestep } of points) key += ` ${timestep}`
  const before = programs.get(key)
  if (before !== undefined && samePoints(before.points, points)) return before.program
  const made = compile(solver, route(path, points, ahead), parameterisation)
  if (programs.size >= mostRemembered) programs.clear()
  programs.set(key, { points, program: made })
  return made
}
