import { type Path, shiftedPoint } from '../path/index.js'
import type { Grid } from './grid.js'

/**
 * Move every point of a grid towards noise (shift > 1) or data (shift < 1), see `shiftedPoint`; pure noise and clean data stay.
 * Throws a RangeError unless shift is positive.
 *
 * @example
 * const path = flow()
 * const points = shifted(path, trailing(path, 20), 3)
 */
export const shifted = (path: Path, grid: Grid, shift: number): Grid =>
  grid.map((at) => shiftedPoint(path, at, shift))

/**
 * Stretch a grid of the flow path so that the last point before clean data has sigma = terminal. Throws a RangeError for a terminal
 * outside (0, 1). Source: LTX-Video's and diffusers' `shift_terminal`.
 *
 * @example
 * const path = flow()
 * const points = stretched(path, trailing(path, 20), 0.1)
 */
export const stretched = (path: Path<'flow'>, grid: Grid, terminal: number): Grid => {
  if (!(terminal > 0 && terminal < 1))
    throw new RangeError(`A terminal sigma lies between 0 and 1, not ${terminal}`)
  const noisy = grid.filter(({ sigma }) => sigma > 0)
  if (noisy.length === 0) return grid
  const scale = noisy[noisy.length - 1].alpha / (1 - terminal)
  return grid.map((at) =>
    at.sigma === 0 || scale === 0 ? at : path.at((1 - at.alpha / scale) * path.timesteps),
  )
}
