import type { Path, Point } from '../path/index.js'

/** Points from noisy to clean, one more than there are steps. */
export type Grid = ReadonlyArray<Point>

/** To the nearest integer, halves to the even one: what numpy does, and with it every published timestep grid. */
const roundHalfEven = (x: number): number => {
  const below = Math.floor(x)
  if (x - below !== 0.5) return Math.round(x)
  return below % 2 === 0 ? below : below + 1
}

/**
 * Steps, if that many make a grid; otherwise throws a RangeError.
 *
 * @example
 * const steps = positiveSteps(20) // 20
 */
export const positiveSteps = (steps: number): number => {
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`A grid needs a positive number of steps, not ${steps}`)
  return steps
}

const toClean = (path: Path, timesteps: ReadonlyArray<number>): Grid => [
  ...timesteps.map(path.at),
  path.clean,
]

/**
 * `trailing` spacing: evenly from the noisiest point, so that the first evaluation sees pure noise; then clean. On a ddpm path
 * timesteps are rounded, round(T − i·T/N) − 1; on the flow path sigma = 1 − i/N exactly.
 * Source: Lin et al. 2023 (arXiv 2305.08891, table 2).
 *
 * @example
 * const fourSteps = trailing(flow(), 4) // sigma 1, 0.75, 0.5, 0.25, 0
 */
export const trailing = (path: Path, steps: number): Grid => {
  const T = path.timesteps
  const rounded = path.family === 'ddpm'
  return toClean(
    path,
    Array.from({ length: positiveSteps(steps) }, (_, i) => {
      const t = T - (i * T) / steps
      return rounded ? Math.max(roundHalfEven(t) - 1, 0) : t
    }),
  )
}

/**
 * Whether a grid's last evaluation is as near to data as it gets (`closed`: DDPM, DDIM, Euler, Heun), or one step short of it, the
 * last step to clean being as long as the others (`open`: DPM-Solver++, UniPC, DEIS). The published grids differ in this.
 */
export type Ending = 'closed' | 'open'

/**
 * `leading` spacing: multiples of a whole stride from `offset` up, N of them, so that the first evaluation is not at pure noise;
 * then clean. The stride is ⌊T/N⌋ for closed grids, ⌊T/(N+1)⌋ for open ones, which leave out the lowest. diffusers' `steps_offset`
 * is the offset; by default 0 on a ddpm path, and 1 on the flow path, whose timestep 0 is clean already.
 * Source: Ho et al. 2020's code; named in Lin et al. 2023 (arXiv 2305.08891, table 2).
 *
 * @example
 * const path = ddpm({ betaSchedule: 'linear' })
 * const fourSteps = leading(path, 4) // timesteps 750, 500, 250, 0, then clean
 */
export const leading = (
  path: Path,
  steps: number,
  {
    offset = path.family === 'ddpm' ? 0 : 1,
    ending = 'closed',
  }: { readonly offset?: number; readonly ending?: Ending } = {},
): Grid => {
  const lowest = ending === 'closed' ? 0 : 1
  const stride = Math.floor(path.timesteps / (positiveSteps(steps) + lowest))
  const most = path.noisiest.timestep
  return toClean(
    path,
    Array.from({ length: steps }, (_, i) => Math.min((steps - 1 - i + lowest) * stride + offset, most)),
  )
}

/**
 * `linspace` spacing: N timesteps evenly from the noisiest down to 0 (closed) or to one step above it (open); then clean. Rounded to
 * integers on a ddpm path. The flow path is clean at timestep 0, so that both are `trailing` there.
 * Source: Nichol & Dhariwal 2021's code; named in Lin et al. 2023 (arXiv 2305.08891, table 2).
 *
 * @example
 * const path = ddpm({ betaSchedule: 'linear' })
 * const fourSteps = linspace(path, 4) // timesteps 999, 666, 333, 0, then clean
 */
export const linspace = (
  path: Path,
  steps: number,
  { ending = 'closed' }: { readonly ending?: Ending } = {},
): Grid => {
  if (path.family === 'flow') return trailing(path, steps)
  const last = path.noisiest.timestep
  const intervals = Math.max(ending === 'closed' ? positiveSteps(steps) - 1 : positiveSteps(steps), 1)
  return toClean(
    path,
    Array.from({ length: steps }, (_, i) => roundHalfEven(last - (i * last) / intervals)),
  )
}

/**
 * The timesteps from, from − stride, … down to exactly `to`, both ends included: the grid of a rollout. The last step is
 * shorter where the stride does not divide the way. One point only where from = to. On a ddpm path timestep 0 is not clean.
 * Throws a RangeError where to > from or the stride is not positive.
 *
 * @example
 * const rollout = unitSteps(flow(), 503, 500) // timesteps 503, 502, 501, 500
 */
export const unitSteps = (path: Path, from: number, to: number, stride = 1): Grid => {
  if (!(from >= to) || !(stride > 0))
    throw new RangeError(
      `A rollout goes down from a timestep to a cleaner one, not from ${from} to ${to} by ${stride}`,
    )
  const steps = Math.ceil((from - to) / stride)
  return Array.from({ length: steps + 1 }, (_, i) => path.at(i === steps ? to : from - i * stride))
}
