/**
 * One noise level of a path: a latent there is x = alpha·x0 + sigma·epsilon. This triple is the coin every solver, grid and
 * plan pays in; nothing below the path ever looks at a timestep to find out how noisy a latent is.
 */
export type Point = {
  /** What the model is fed; on the training grid (0 … 999 for ddpm, real in [0, 1000] for flow). Larger is noisier. */
  readonly timestep: number
  /** How much of the data is left, in [0, 1]. */
  readonly alpha: number
  /** How much noise there is, in [0, 1]; 0 at the clean end. */
  readonly sigma: number
}

/**
 * Half the log signal-to-noise ratio, lambda = log(alpha / sigma): +∞ at the clean end, −∞ where no data is left.
 * Source: Kingma et al. 2021 (arXiv 2107.00630), as used by Lu et al. 2022 (arXiv 2206.00927, eq. 2.3).
 *
 * @example
 * const half = lambda({ timestep: 500, alpha: 0.5, sigma: 0.5 }) // 0
 */
export const lambda = (at: Point): number => Math.log(at.alpha / at.sigma)

/**
 * Whether two points are the same noise level; a step between such points must change nothing.
 *
 * @example
 * const same = samePoint(flow().at(0), flow().clean) // true
 */
export const samePoint = (a: Point, b: Point): boolean => a.alpha === b.alpha && a.sigma === b.sigma
