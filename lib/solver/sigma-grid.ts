import { betaQuantile, type Path, type Point } from '../path/index.js'
import { positiveSteps, type Grid } from './grid.js'

/** The range of a grid laid out in sigma: sigma itself on the flow path, sigma/alpha on a ddpm path. */
export type SigmaRange = {
  /** By default that of timestep 0 on a ddpm path, of timestep 1 on the flow path, whose timestep 0 is clean. */
  readonly sigmaMin?: number
  /** By default that of the noisiest point; where nothing but noise is left on a ddpm path, 2^12, as diffusers has it. */
  readonly sigmaMax?: number
}

const sigmaOf = ({ family }: Path, { alpha, sigma }: Point): number =>
  family === 'flow' ? sigma : Math.min(sigma / alpha, 2 ** 12)

const pointAt = (path: Path, sigma: number): Point =>
  path.family === 'flow' ? path.at(sigma * path.timesteps) : path.atLambda(-Math.log(sigma))

/** N points whose sigmas are a function of a ramp from 1, at sigmaMax, to 0, at sigmaMin; then clean. */
const laidOut = (
  path: Path,
  steps: number,
  { sigmaMin, sigmaMax }: SigmaRange,
  sigmaAt: (ramp: number, min: number, max: number) => number,
): Grid => {
  const min = sigmaMin ?? sigmaOf(path, path.at(path.family === 'flow' ? 1 : 0))
  const max = sigmaMax ?? sigmaOf(path, path.noisiest)
  if (!(min > 0 && min < max))
    throw new RangeError(`sigmaMin must lie between 0 and sigmaMax, not ${min} and ${max}`)
  const ramp = (i: number): number => (steps === 1 ? 1 : 1 - i / (steps - 1))
  const points = Array.from({ length: positiveSteps(steps) }, (_, i) =>
    // Rounding may carry the ends out of the path's range.
    pointAt(path, Math.min(Math.max(sigmaAt(ramp(i), min, max), min), max)),
  )
  return [...points, path.clean]
}

/**
 * Karras' grid: evenly spaced in the rho-th root of sigma, so that steps shorten towards clean data; then clean.
 * Source: Karras et al. 2022 (arXiv 2206.00364, eq. 5), rho = 7.
 *
 * @example
 * const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
 * const points = karras(path, 20)
 */
export const karras = (
  path: Path,
  steps: number,
  { rho = 7, ...range }: SigmaRange & { readonly rho?: number } = {},
): Grid =>
  laidOut(
    path,
    steps,
    range,
    (ramp, min, max) => (min ** (1 / rho) + ramp * (max ** (1 / rho) - min ** (1 / rho))) ** rho,
  )

/**
 * The exponential grid: evenly spaced in log sigma, half log-SNR on a ddpm path (`lu_lambdas`); with another `power` than 1, k-diffusion's
 * polyexponential; then clean. Source: Lu et al. 2022 (arXiv 2206.00927, section 3.3).
 *
 * @example
 * const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
 * const points = exponential(path, 20)
 */
export const exponential = (
  path: Path,
  steps: number,
  { power = 1, ...range }: SigmaRange & { readonly power?: number } = {},
): Grid => laidOut(path, steps, range, (ramp, min, max) => min * (max / min) ** (ramp ** power))

/**
 * The beta grid: sigmas at the quantiles of a beta distribution, which for a, b < 1 crowd at both ends; then clean.
 * Source: Lee et al. 2024 (arXiv 2407.12173), a = b = 0.6.
 *
 * @example
 * const points = beta(flow(), 20)
 */
export const beta = (
  path: Path,
  steps: number,
  { a = 0.6, b = 0.6, ...range }: SigmaRange & { readonly a?: number; readonly b?: number } = {},
): Grid => laidOut(path, steps, range, (ramp, min, max) => min + betaQuantile(ramp, a, b) * (max - min))
