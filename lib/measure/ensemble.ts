/** Sums over samples from which meters of a whole set of samples are read; sums of two sets add up. */
export type Ensemble = {
  readonly count: number
  /** Σ x, [elements]. */
  readonly sum: Float64Array
  /** Σ ‖x‖². */
  readonly power: number
}

/** The same with the squares kept apart by element: Σ x², [elements]. */
export type ElementEnsemble = Ensemble & { readonly squares: Float64Array }

const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)
const power = (values: Float64Array): number => values.reduce((a, b) => a + b * b, 0)

/**
 * The sums of a set of samples.
 *
 * @param x [batch, …sample]
 * @example
 * const { sum } = ensembleOf(Float32Array.of(1, 2, 3, 4), 2) // 4, 6
 */
export const ensembleOf = (x: Float32Array, batch: number): ElementEnsemble => {
  const elements = x.length / Math.max(1, batch)
  const [sum, squares] = [new Float64Array(elements), new Float64Array(elements)]
  for (let i = 0; i < x.length; i++) {
    sum[i % elements] += x[i]
    squares[i % elements] += x[i] * x[i]
  }
  return { count: batch, sum, squares, power: total(squares) }
}

/**
 * How much samples differ from each other: the variance over samples, its mean over elements.
 *
 * @returns NaN for fewer than 2 samples
 * @example
 * const spread = varianceOf(ensembleOf(Float32Array.of(1, 2, 3, 4), 2)) // 2
 */
export const varianceOf = ({ count, sum, power: all }: Ensemble): number =>
  Math.max(0, all - power(sum) / count) / ((count - 1) * sum.length)

/**
 * The standard deviation over samples, its mean over elements: σ̂_t of ADM-ES, of the residuals x̂_t − alpha·x0.
 *
 * @returns NaN for fewer than 2 samples
 * @example
 * const spread = deviationOf(ensembleOf(Float32Array.of(0, 2), 2)) // √2
 */
export const deviationOf = ({ count, sum, squares }: Omit<ElementEnsemble, 'power'>): number =>
  sum.reduce((all, x, e) => all + Math.sqrt(Math.max(0, squares[e] - x ** 2 / count) / (count - 1)), 0) /
  sum.length

/**
 * The variance error of ADM-ES (Ning et al. 2024, arXiv 2308.15321, and the script `image_sample.py` of its branch
 * `x_t_distribution_consecutive_sampling`): δ_t = (σ̂_t − σ_t)², with σ̂_t the `deviationOf` the residuals x̂_t − alpha·x0. Their
 * σ_t is √(1 − ᾱ_t); on the straight path it is t/T. A chain from pure noise forgets the data it is compared with, and its residuals
 * then hold the data's own variance as well: compare models, not absolute values.
 *
 * @param residuals x̂_t − alpha(t)·x0
 * @param sigma the noise level that they should have
 * @example
 * const error = varianceError(ensembleOf(Float32Array.of(-1, 1), 2), 1) // (√2 − 1)²
 */
export const varianceError = (residuals: Omit<ElementEnsemble, 'power'>, sigma: number): number =>
  (deviationOf(residuals) - sigma) ** 2

/**
 * The systematic share of differences, ‖E[Δ]‖² / E‖Δ‖²: 1 where all samples drift alike, so that a fixed correction would undo it; 0
 * where there is nothing common to them. It is the question that Clean Forcing asks before it trains a corrector (α*(t)). ‖E[Δ]‖² is
 * estimated without bias from the products of different samples, (‖ΣΔ‖² − Σ‖Δ‖²) / (n·(n − 1)): the square of the mean alone would
 * show a share of 1/n where there is none. So the estimate may fall a little below 0.
 *
 * @param differences x̂_t − x_t
 * @returns NaN for fewer than 2 samples, and where nothing differs
 * @example
 * const share = systematicShare(ensembleOf(Float32Array.of(1, 1, 1, 1), 2)) // 1
 */
export const systematicShare = ({ count, sum, power: apart }: Ensemble): number =>
  (power(sum) - apart) / ((count - 1) * apart)
