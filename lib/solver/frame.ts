import { lambda, type Path, type Point } from '../path/index.js'
import type { Rate } from './exponential-adams.js'
import type { Route } from './route.js'
import type { Prediction } from './solver.js'

/** The two ends of a step. */
export type Ends = { readonly from: Point; readonly to: Point }

/**
 * Variables in which the probability-flow ODE is at most linear beside one reading m of the model, so that with h the distance of
 * two points' positions the step between them is exactly
 *
 *     x' = carry·x + gain · h ∫₀¹ exp(rate·h·(1 − θ)) m(θ) dθ
 *
 * A method is then nothing but a way to approximate that integral.
 */
export type Frame = {
  readonly rate: Rate
  readonly position: (at: Point) => number
  readonly carry: (ends: Ends) => number
  readonly gain: (to: Point) => number
  readonly reading: <V>(prediction: Prediction<V>) => V
}

/** A frame without a linear part, in which a step is an ordinary integral: what Runge–Kutta methods need. */
export type SlopeFrame = Frame & {
  readonly rate: 0
  /** The point of a path at a position. */
  readonly point: (path: Path, position: number) => Point
}

/**
 * Data in half log-SNR: x' = (sigma'/sigma)·x + alpha'·∫ exp(lambda − lambda')·x0 dlambda. Infinite positions at both ends, yet finite
 * steps. Source: Lu et al. 2022 (arXiv 2211.01095, eq. 8).
 */
export const dataFrame: Frame = {
  rate: -1,
  position: lambda,
  carry: ({ from, to }) => to.sigma / from.sigma,
  gain: (to) => to.alpha,
  reading: (prediction) => prediction.x0,
}

/**
 * Noise in half log-SNR: x' = (alpha'/alpha)·x − sigma'·∫ exp(lambda' − lambda)·epsilon dlambda. Not for steps from alpha = 0 or to
 * sigma = 0. Source: Lu et al. 2022 (arXiv 2206.00927, eq. 3.4).
 */
export const noiseFrame: Frame = {
  rate: 1,
  position: lambda,
  carry: ({ from, to }) => to.alpha / from.alpha,
  gain: (to) => -to.sigma,
  reading: (prediction) => prediction.epsilon,
}

/**
 * The straight frame: y = x/(alpha + sigma) and u = sigma/(alpha + sigma) in [0, 1], dy/du = epsilon − x0. On the flow path y = x and
 * u = sigma; on any path it is finite from pure noise to data.
 */
export const straightFrame: SlopeFrame = {
  rate: 0,
  position: ({ alpha, sigma }) => sigma / (alpha + sigma),
  carry: ({ from, to }) => (to.alpha + to.sigma) / (from.alpha + from.sigma),
  gain: ({ alpha, sigma }) => alpha + sigma,
  reading: (prediction) => prediction.velocity,
  point: (path, u) => path.atLambda(Math.log((1 - u) / u)),
}

/**
 * Karras' frame: y = x/alpha and u = sigma/alpha, dy/du = epsilon. Not for steps from alpha = 0.
 * Source: Karras et al. 2022 (arXiv 2206.00364, eq. 1).
 */
export const karrasFrame: SlopeFrame = {
  rate: 0,
  position: ({ alpha, sigma }) => sigma / alpha,
  carry: ({ from, to }) => to.alpha / from.alpha,
  gain: (to) => to.alpha,
  reading: (prediction) => prediction.epsilon,
  point: (path, u) => path.atLambda(-Math.log(u)),
}

/** Which reading a method in half log-SNR interpolates. Data is the stable choice for guided models (arXiv 2211.01095). */
export type Interpolated = 'data' | 'noise'

/**
 * The frame in half log-SNR for a step: the noise frame is infinite at either end of a path, where only steps of order 1 are
 * taken, and for those the two agree as long as the latent is the one that the model was asked about (a corrector changes it).
 *
 * @example
 * const path = flow()
 * const frame = logSnrFrame('noise', { from: path.at(100), to: path.clean }) // dataFrame
 */
export const logSnrFrame = (interpolated: Interpolated, { from, to }: Ends): Frame =>
  interpolated === 'data' || from.alpha === 0 || to.sigma === 0 ? dataFrame : noiseFrame

/**
 * The largest sigma/alpha from which Karras' frame is used. There a step is as long as it changes sigma/alpha, so where almost no data is
 * left the first step is nearly the whole way, and an error in its slope is multiplied by thousands. Linear and scaled-linear
 * schedules, and Karras' own grids, start at 157 or below; cosine schedules and zero terminal SNR in the thousands.
 */
const mostNoise = 200

/**
 * The frame of slopes for a whole trajectory, by where it starts: straight on the flow path and from (almost) pure noise, Karras'
 * otherwise, as k-diffusion and diffusers have it.
 *
 * @example
 * const path = flow()
 * const { position } = slopeFrame({ path, points: trailing(path, 4), ahead: 0 })
 * const start = position(path.noisiest) // 1
 */
export const slopeFrame = ({ path, points }: Route): SlopeFrame => {
  const fromNoise = points.length > 0 && points[0].sigma > mostNoise * points[0].alpha
  return path.family === 'flow' || fromNoise ? straightFrame : karrasFrame
}
