import { alphasCumprod, type DdpmOptions } from './beta-schedule.js'
import type { Path } from './path.js'
import { lambda as lambdaOf, type Point } from './point.js'

/** alpha and sigma of a variance-preserving path (alpha² + sigma² = 1) from lambda, without cancellation at either end. */
const variancePreserving = (timestep: number, lambda: number): Point => ({
  timestep,
  alpha: 1 / Math.sqrt(1 + Math.exp(-2 * lambda)),
  sigma: 1 / Math.sqrt(1 + Math.exp(2 * lambda)),
})

/** sigma / (alpha + sigma): finite where lambda is −∞. */
const straight = (lambda: number): number => 1 / (1 + Math.exp(lambda))

/**
 * The discrete variance-preserving path: alpha = √ᾱ and sigma = √(1 − ᾱ) at the integers 0 … T−1, exactly as the float64
 * product table gives them. Between integers lambda is interpolated linearly, as k-diffusion and diffusers do; only next to a
 * timestep of pure noise, where lambda is −∞, sigma / (alpha + sigma) is interpolated instead.
 * Source: Ho et al. 2020 (arXiv 2006.11239, eq. 4).
 *
 * @example
 * const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
 * const { alpha, sigma } = path.at(999)
 */
export const ddpm = (options: DdpmOptions): Path<'ddpm'> => {
  const points: ReadonlyArray<Point> = Array.from(alphasCumprod(options), (product, timestep) => ({
    timestep,
    alpha: Math.sqrt(product),
    sigma: Math.sqrt(1 - product),
  }))
  const lambdas = Float64Array.from(points, lambdaOf)
  const last = points.length - 1

  const at = (timestep: number): Point => {
    if (!(timestep >= 0 && timestep <= last))
      throw new RangeError(`This ddpm path has timesteps 0 … ${last}, not ${timestep}`)
    if (Number.isInteger(timestep)) return points[timestep]
    const below = Math.floor(timestep)
    const part = timestep - below
    const from = lambdas[below]
    const to = lambdas[below + 1]
    if (Number.isFinite(to)) return variancePreserving(timestep, from + part * (to - from))
    const u = straight(from) + part * (1 - straight(from))
    return variancePreserving(timestep, Math.log((1 - u) / u))
  }

  /** The timestep of a lambda: the inverse of `at`. */
  const timestepOf = (lambda: number): number => {
    if (lambda >= lambdas[0]) return 0
    if (lambda <= lambdas[last]) return last
    let low = 0 // lambdas[low] > lambda >= lambdas[high]
    let high = last
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (lambdas[middle] > lambda) low = middle
      else high = middle
    }
    const from = lambdas[low]
    const to = lambdas[high]
    if (Number.isFinite(to)) return low + (from - lambda) / (from - to)
    return low + (straight(lambda) - straight(from)) / (1 - straight(from))
  }

  return {
    family: 'ddpm',
    timesteps: points.length,
    clean: { timestep: 0, alpha: 1, sigma: 0 },
    noisiest: points[last],
    at,
    atLambda: (lambda) => variancePreserving(timestepOf(lambda), lambda),
  }
}
