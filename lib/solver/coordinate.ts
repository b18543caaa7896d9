import type { Path, Point } from '../path/index.js'
import type { Prediction } from './solver.js'

/**
 * A change of variables y = x / scale, u = u(point), in which the probability-flow ODE is simply dy/du = slope: what Runge–Kutta
 * methods integrate.
 */
export type Coordinate = {
  readonly u: (at: Point) => number
  readonly scale: (at: Point) => number
  readonly slope: <V>(prediction: Prediction<V>) => V
  /** The point of a path with this u. */
  readonly point: (path: Path, u: number) => Point
}

/**
 * The straight coordinate: u = sigma/(alpha + sigma) in [0, 1], dy/du = epsilon − x0. On the flow path y = x and u = sigma; on any
 * path it is finite from pure noise to data.
 */
export const straight: Coordinate = {
  u: ({ alpha, sigma }) => sigma / (alpha + sigma),
  scale: ({ alpha, sigma }) => alpha + sigma,
  slope: (prediction) => prediction.velocity,
  point: (path, u) => path.atLambda(Math.log((1 - u) / u)),
}

/** Karras' coordinate: u = sigma/alpha, dy/du = epsilon. Infinite where alpha = 0. Source: Karras et al. 2022 (arXiv 2206.00364, eq. 1). */
export const karras: Coordinate = {
  u: ({ alpha, sigma }) => sigma / alpha,
  scale: ({ alpha }) => alpha,
  slope: (prediction) => prediction.epsilon,
  point: (path, u) => path.atLambda(-Math.log(u)),
}

/**
 * Straight on the flow path and for steps from pure noise, Karras' otherwise, as k-diffusion and diffusers have it.
 *
 * @example
 * const path = flow()
 * const { u } = coordinateOf(path, path.noisiest)
 * const start = u(path.noisiest) // 1
 */
export const coordinateOf = (path: Path, from: Point): Coordinate =>
  path.family === 'flow' || from.alpha === 0 ? straight : karras
