import { lambda, type Path } from '../path/index.js'
import type { Grid } from './grid.js'

/**
 * Move every point of a grid towards noise (shift > 1) or data (shift < 1) by multiplying sigma/alpha; pure noise and clean data stay.
 * On the flow path sigma → shift·sigma / (1 + (shift − 1)·sigma), what large images need. Throws a RangeError unless shift is positive.
 * Source: Esser et al. 2024 (arXiv 2403.03206, eq. 23).
 *
 * @example
 * const path = flow()
 * const points = shifted(path, trailing(path, 20), 3)
 */
export const shifted = (path: Path, grid: Grid, shift: number): Grid => {
  if (!(shift > 0)) throw new RangeError(`A shift must be positive, not ${shift}`)
  return grid.map((at) =>
    at.alpha === 0 || at.sigma === 0 ? at : path.atLambda(lambda(at) - Math.log(shift)),
  )
}

export type DynamicShift = {
  readonly baseTokens?: number
  readonly mostTokens?: number
  readonly baseShift?: number
  readonly mostShift?: number
}

/**
 * The shift for an image of so many tokens: the exponential of a number that grows linearly from baseShift at baseTokens to mostShift
 * at mostTokens. Source: FLUX's sampling code; diffusers' `calculate_shift`, whose mu is the logarithm of this.
 *
 * @example
 * const path = flow()
 * const points = shifted(path, trailing(path, 20), dynamicShift(1024)) // exp(0.63)
 */
export const dynamicShift = (
  tokens: number,
  { baseTokens = 256, mostTokens = 4096, baseShift = 0.5, mostShift = 1.15 }: DynamicShift = {},
): number =>
  Math.exp(baseShift + ((tokens - baseTokens) * (mostShift - baseShift)) / (mostTokens - baseTokens))

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
