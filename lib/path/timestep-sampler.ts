import { betaQuantile } from './beta-quantile.js'
import type { Path } from './path.js'

/**
 * How training timesteps are spread over the grid: from two independent numbers, uniform on [0, 1), to a timestep.
 * The grid is 0 … T−1 for ddpm and 1 … T for flow, where timestep 0 holds no noise and teaches nothing.
 */
export type TimestepSampler = (path: Path, u: number, v: number) => number

const onGrid = (path: Path, fraction: number): number => {
  const first = path.family === 'flow' ? 1 : 0
  return first + Math.min(path.timesteps - 1, Math.max(0, Math.floor(fraction * path.timesteps)))
}

/**
 * Every timestep of the training grid alike.
 *
 * @example
 * const timestep = uniformTimesteps(flow(), 0.5, 0) // 501
 */
export const uniformTimesteps: TimestepSampler = (path, u) => onGrid(path, u)

export type LogitNormal = {
  /** Of the normal number; positive is noisier. Default 0. */
  readonly mean?: number
  /** Its standard deviation: SimpleTuner's `flow_sigmoid_scale`. Default 1. */
  readonly deviation?: number
}

/**
 * Timesteps whose fraction of the grid is the logistic function of a normal number (Esser et al. 2024, arXiv 2403.03206,
 * section 3.1): most of them in the middle, where predicting is hardest.
 *
 * @example
 * const timestep = logitNormalTimesteps({ mean: 0, deviation: 1 })(flow(), 0.3, 0.7)
 */
export const logitNormalTimesteps =
  ({ mean = 0, deviation = 1 }: LogitNormal = {}): TimestepSampler =>
  (path, u, v) => {
    const normal = Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
    return onGrid(path, 1 / (1 + Math.exp(-(mean + deviation * normal))))
  }

export type BetaDistribution = {
  /** > 0; larger is noisier. Default 2. */
  readonly alpha?: number
  /** > 0; larger is cleaner. Default 2. */
  readonly beta?: number
}

/**
 * Timesteps whose fraction of the grid has the beta distribution, by its quantile function: SimpleTuner's `flow_use_beta_schedule`.
 * (1, 1) is uniform, (1, 2) what MixFlow trains on (Beta(2, 1) in data-ward time).
 *
 * @throws RangeError unless both parameters are positive
 * @example
 * const timestep = betaTimesteps({ alpha: 2, beta: 2 })(flow(), 0.5, 0) // 501
 */
export const betaTimesteps =
  ({ alpha = 2, beta = 2 }: BetaDistribution = {}): TimestepSampler =>
  (path, u) =>
    onGrid(path, betaQuantile(u, alpha, beta))

export type Mode = {
  /** −1 … 2/(π − 2): positive favours the middle, negative the ends, 0 is uniform. Default 1.29, the paper's best. */
  readonly scale?: number
}

/**
 * SD3's mode sampling with heavy tails: the fraction of the grid is
 *
 *     f(u) = 1 − u − scale·(cos²(πu/2) − 1 + u)
 *
 * (Esser et al. 2024, arXiv 2403.03206, eq. 20), which unlike the logit-normal leaves the ends some weight.
 *
 * @throws RangeError for a scale at which f is no longer monotone
 * @example
 * const timestep = modeTimesteps({ scale: 1.29 })(flow(), 0.5, 0) // 501
 */
export const modeTimesteps = ({ scale = 1.29 }: Mode = {}): TimestepSampler => {
  if (!(scale >= -1 && scale <= 2 / (Math.PI - 2)))
    throw new RangeError(`The scale of mode sampling lies between -1 and 2/(π − 2) ≈ 1.75, not at ${scale}`)
  return (path, u) => onGrid(path, 1 - u - scale * (Math.cos((Math.PI * u) / 2) ** 2 - 1 + u))
}

/** The parameters of every timestep sampler; each reads its own. */
export type TimestepSamplerOptions = LogitNormal & BetaDistribution & Mode

/** Timestep samplers by name. */
export const timestepSamplers = {
  uniform: () => uniformTimesteps,
  logit_normal: logitNormalTimesteps,
  beta: betaTimesteps,
  mode: modeTimesteps,
} as const satisfies Record<string, (options?: TimestepSamplerOptions) => TimestepSampler>

export type TimestepSamplerName = keyof typeof timestepSamplers

/** All names, in the order of the table. */
// Object.keys knows only strings; the keys of the table are exactly its names.
export const timestepSamplerNames = Object.keys(timestepSamplers) as ReadonlyArray<TimestepSamplerName>
