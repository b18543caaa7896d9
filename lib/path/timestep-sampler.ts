import type { Path } from './path.js'

/**
 * How training timesteps are spread over the grid: from two independent numbers, uniform on [0, 1), to a timestep.
 * The grid is 0 … T−1 for ddpm and 1 … T for flow, where timestep 0 holds no noise and teaches nothing.
 */
export type TimestepSampler = (path: Path, u: number, v: number) => number

const onGrid = (path: Path, fraction: number): number => {
  const first = path.family === 'flow' ? 1 : 0
  return first + Math.min(path.timesteps - 1, Math.floor(fraction * path.timesteps))
}

/**
 * Every timestep of the training grid alike.
 *
 * @example
 * const timestep = uniformTimesteps(flow(), 0.5, 0) // 501
 */
export const uniformTimesteps: TimestepSampler = (path, u) => onGrid(path, u)

/**
 * Timesteps whose fraction of the grid is the logistic function of a normal number (Esser et al. 2024, arXiv 2403.03206,
 * section 3.1): most of them in the middle, where predicting is hardest.
 *
 * @param mean of the normal number; positive is noisier
 * @param deviation its standard deviation
 * @example
 * const timestep = logitNormalTimesteps({ mean: 0, deviation: 1 })(flow(), 0.3, 0.7)
 */
export const logitNormalTimesteps =
  ({
    mean = 0,
    deviation = 1,
  }: { readonly mean?: number; readonly deviation?: number } = {}): TimestepSampler =>
  (path, u, v) => {
    const normal = Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
    return onGrid(path, 1 / (1 + Math.exp(-(mean + deviation * normal))))
  }
