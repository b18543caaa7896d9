import type { Path, TimestepSampler } from '../path/index.js'
import type { Grid } from '../solver/index.js'

/** sigma ↦ s·sigma / (1 + (s − 1)·sigma) (Esser et al. 2024, arXiv 2403.03206, eq. 23, with s = √(m/n)). */
const shift = (s: number, path: Path, timestep: number): number => {
  const sigma = timestep / path.timesteps
  // Written so that sigma = 1 stays exactly 1: a timestep beyond the path is none.
  return path.timesteps * ((s * sigma) / (s * sigma + (1 - sigma)))
}

/**
 * Training timesteps moved towards noise (s > 1) or data (s < 1), on a flow path.
 *
 * @example
 * const sampler = shiftedTimesteps(3, uniformTimesteps)
 */
export const shiftedTimesteps =
  (s: number, sampler: TimestepSampler): TimestepSampler =>
  (path, u, v) =>
    shift(s, path, sampler(path, u, v))

/**
 * A sampling grid moved likewise, on a flow path; its ends stay.
 *
 * @example
 * const grid = shiftedGrid(3, flow(), trailing(flow(), 20))
 */
export const shiftedGrid = (s: number, path: Path, grid: Grid): Grid =>
  s === 1 ? grid : grid.map((point) => (point.sigma === 0 ? point : path.at(shift(s, path, point.timestep))))
