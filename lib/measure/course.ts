import { type Path, type Point, samePoint } from '../path/index.js'
import { type Grid, type Program, program, type Solver } from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'

/** Where a trajectory starts: pure noise, or held-out data noised to this timestep. */
export type Start = 'noise' | number

/** One way through the schedule: with which solver, in how many steps, from where. */
export type Course = {
  /** What people call the solver. */
  readonly name: string
  readonly solver: Solver
  /** Steps that the whole schedule would take. */
  readonly steps: number
  readonly start: Start
  /** From the start to clean data. */
  readonly grid: Grid
}

export type CoursesOptions = {
  readonly path: Path
  readonly solvers: ReadonlyArray<{ readonly name: string; readonly solver: Solver }>
  /** Grids from the noisiest point to clean, such as `trailing` gives for a number of steps. */
  readonly grids: ReadonlyArray<Grid>
  readonly starts: ReadonlyArray<Start>
}

/** The part of a grid below a timestep, from there on. */
const from = (path: Path, grid: Grid, timestep: number): Grid => {
  const start = path.at(timestep)
  return [start, ...grid.filter(({ sigma }) => sigma < start.sigma)]
}

/**
 * Every solver on every grid from every start. From a timestep in the middle, a trajectory goes there first and then along the rest of
 * the grid, so that its steps are those of inference.
 *
 * @example
 * const path = flow()
 * const all = courses({
 *   path,
 *   solvers: [{ name: 'euler', solver: euler() }],
 *   grids: [trailing(path, 10), trailing(path, 50)],
 *   starts: ['noise', 500],
 * })
 */
export const courses = ({ path, solvers, grids, starts }: CoursesOptions): ReadonlyArray<Course> =>
  starts.flatMap((start) =>
    solvers.flatMap(({ name, solver }) =>
      grids.map((grid) => ({
        name,
        solver,
        steps: grid.length - 1,
        start,
        grid: start === 'noise' ? grid : from(path, grid, start),
      })),
    ),
  )

/**
 * Which evaluations of a course's program see the latent of which point of its grid: the last evaluation at each point, since methods
 * of several stages try a point out before they arrive there. The last point is where the trajectory ends; nobody evaluates there.
 *
 * @returns by number of the evaluation, the number of the point
 * @example
 * const path = flow()
 * const along = { name: 'heun', solver: heun(), steps: 4, start: 'noise', grid: trailing(path, 4) } as const
 * const { program, points } = courseProgram(path, along, 'flow_matching')
 */
export const courseProgram = (
  path: Path,
  { solver, grid }: Course,
  parameterisation: Parameterisation,
): { readonly program: Program; readonly points: ReadonlyMap<number, number> } => {
  const steps = program(solver, path, parameterisation, grid)
  const isAt = (point: Point, evaluation: number): boolean =>
    evaluation < steps.evaluations.length && samePoint(steps.evaluations[evaluation].at, point)
  const points = new Map<number, number>()
  grid.slice(0, -1).forEach((point, i) => {
    const last = steps.evaluations.findLastIndex((_, j) => isAt(point, j))
    if (last >= 0) points.set(last, i)
  })
  return { program: steps, points }
}
