import { target, type Point } from '../path/index.js'
import type { ReferenceDenoiser } from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'
import { normalCdf } from './normal.js'

/**
 * Data whose perfect denoiser and whose probability-flow trajectories are known in closed form: per element, a mixture of Gaussians with
 * weights w (summing to 1), means m and deviations s.
 */
export type Mixture = {
  readonly w: ReadonlyArray<number>
  readonly m: ReadonlyArray<number>
  readonly s: ReadonlyArray<number>
}

/** One Gaussian: a linear denoiser. */
export const gaussian: Mixture = { w: [1], m: [0.4], s: [0.6] }

/** Two peaks: a denoiser as nonlinear as real ones. */
export const twoPeaks: Mixture = { w: [0.35, 0.65], m: [-1.1, 0.8], s: [0.5, 0.6] }

const deviation = (s: number, { alpha, sigma }: Point): number => Math.hypot(alpha * s, sigma)

/** E[x0 | x] and E[epsilon | x]; regular at both ends of a path. */
const posterior = (
  { w, m, s }: Mixture,
  x: number,
  at: Point,
): { readonly x0: number; readonly epsilon: number } => {
  const v = s.map((si) => deviation(si, at) ** 2)
  const u = m.map((mi) => x - at.alpha * mi)
  const logs = w.map((wi, i) => Math.log(wi) - Math.log(v[i]) / 2 - (u[i] * u[i]) / (2 * v[i]))
  const largest = Math.max(...logs)
  const shares = logs.map((log) => Math.exp(log - largest))
  const total = shares.reduce((sum, share) => sum + share, 0)
  let x0 = 0
  let epsilon = 0
  shares.forEach((share, i) => {
    x0 += (share / total) * (m[i] + (at.alpha * s[i] * s[i] * u[i]) / v[i])
    epsilon += (share / total) * ((at.sigma * u[i]) / v[i])
  })
  return { x0, epsilon }
}

/**
 * The denoiser that knows the data's distribution, elementwise, in any parameterisation.
 *
 * @example
 * const model = perfectDenoiser(gaussian, 'epsilon')
 * const out = model(Float64Array.of(0.3, -1), flow().at(500))
 */
export const perfectDenoiser =
  (mixture: Mixture, parameterisation: Parameterisation): ReferenceDenoiser =>
  (x, at) => {
    const wanted = target(parameterisation, at)
    return x.map((xi) => {
      const { x0, epsilon } = posterior(mixture, xi, at)
      return wanted.x0 * x0 + wanted.epsilon * epsilon
    })
  }

const cdf = ({ w, m, s }: Mixture, x: number, at: Point): number =>
  w.reduce((sum, wi, i) => sum + wi * normalCdf((x - at.alpha * m[i]) / deviation(s[i], at)), 0)

/**
 * Where the exact trajectory through x at `from` is at `to`: in one dimension the flow preserves quantiles.
 * Found by bisection, to rounding. Accurate for x within a few deviations of the data.
 *
 * @example
 * const path = flow()
 * const end = exactEnd(gaussian, 1.3, path.at(900), path.clean)
 */
export const exactEnd = (mixture: Mixture, x: number, from: Point, to: Point): number => {
  const quantile = cdf(mixture, x, from)
  let low = -50
  let high = 50
  for (let i = 0; i < 200 && low < high; i++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (cdf(mixture, middle, to) < quantile) low = middle
    else high = middle
  }
  return (low + high) / 2
}
