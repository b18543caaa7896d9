import type { Path } from './path.js'
import { lambda, type Point } from './point.js'
import type { TimestepSampler } from './timestep-sampler.js'

/**
 * The point where sigma/alpha is `shift` times what it is here: noisier for shift > 1, cleaner for shift < 1; pure noise and clean data
 * stay. On the flow path sigma → shift·sigma / (1 + (shift − 1)·sigma), what large images need. Throws a RangeError unless shift is
 * positive. Source: Esser et al. 2024 (arXiv 2403.03206, eq. 23).
 *
 * @example
 * const { sigma } = shiftedPoint(flow(), flow().at(500), 3) // 0.75
 */
export const shiftedPoint = (path: Path, at: Point, shift: number): Point => {
  if (!(shift > 0)) throw new RangeError(`A shift must be positive, not ${shift}`)
  return shift === 1 || at.alpha === 0 || at.sigma === 0 ? at : path.atLambda(lambda(at) - Math.log(shift))
}

/**
 * Training timesteps moved towards noise (shift > 1) or data (shift < 1): SimpleTuner's `flow_schedule_shift`. A ddpm path is trained at
 * the nearest timestep of its own.
 *
 * @example
 * const sampler = shiftedTimesteps(3, uniformTimesteps)
 */
export const shiftedTimesteps =
  (shift: number, sampler: TimestepSampler): TimestepSampler =>
  (path, u, v) => {
    const { timestep } = shiftedPoint(path, path.at(sampler(path, u, v)), shift)
    return path.family === 'ddpm' ? Math.round(timestep) : timestep
  }

/**
 * How many tokens a transformer makes of a sample: its spatial size in patches. SD3 and FLUX take 2×2 latent pixels.
 *
 * @param shape [channels, …spatial]
 * @example
 * const tokens = tokensOf([16, 128, 128]) // 4096
 */
export const tokensOf = (shape: ReadonlyArray<number>, patch = 2): number =>
  shape.slice(1).reduce((product, side) => product * Math.floor(side / patch), 1)

export type DynamicShift = {
  readonly baseTokens?: number
  readonly mostTokens?: number
  readonly baseShift?: number
  readonly mostShift?: number
}

/**
 * The shift for an image of so many tokens: the exponential of a number that grows linearly from baseShift at baseTokens to mostShift
 * at mostTokens. Source: FLUX's sampling code; diffusers' `calculate_shift`, whose mu is the logarithm of this, and SimpleTuner's
 * `flow_schedule_auto_shift`.
 *
 * @example
 * const sampler = shiftedTimesteps(dynamicShift(1024), uniformTimesteps) // exp(0.63)
 */
export const dynamicShift = (
  tokens: number,
  { baseTokens = 256, mostTokens = 4096, baseShift = 0.5, mostShift = 1.15 }: DynamicShift = {},
): number =>
  Math.exp(baseShift + ((tokens - baseTokens) * (mostShift - baseShift)) / (mostTokens - baseTokens))

/**
 * The shift that makes an image of so many tokens as hard to read as one of `baseTokens` is: √(tokens/baseTokens).
 * Source: Esser et al. 2024 (arXiv 2403.03206, eq. 23, with s = √(m/n)).
 *
 * @example
 * const shift = resolutionShift(4096, { baseTokens: 1024 }) // 2
 */
export const resolutionShift = (tokens: number, { baseTokens }: { readonly baseTokens: number }): number =>
  Math.sqrt(tokens / baseTokens)
