import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

/** Points in one space as far as a Gaussian describes them. */
export type Moments = {
  /** [dimensions] */
  readonly mean: Float64Array
  /** [dimensions, dimensions]; unbiased: the sum of products over count − 1. */
  readonly covariance: Float64Array
}

/**
 * The mean and the covariance of points, in float64.
 *
 * @param points [count, dimensions]
 * @param count at least 2
 * @example
 * const { mean } = momentsOf(Float32Array.of(0, 1, 2, 3), 2) // 1, 2
 */
export const momentsOf = (points: Float32Array | Float64Array, count: number): Moments => {
  const dimensions = points.length / count
  if (count < 2 || !Number.isInteger(dimensions))
    throw new RangeError(`${points.length} numbers are not ${count} points, of which there are at least 2`)
  const mean = new Float64Array(dimensions)
  for (let i = 0; i < points.length; i++) mean[i % dimensions] += points[i] / count
  const covariance = new Float64Array(dimensions * dimensions)
  const centred = new Float64Array(dimensions)
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < dimensions; i++) centred[i] = points[row * dimensions + i] - mean[i]
    for (let i = 0; i < dimensions; i++)
      for (let j = 0; j <= i; j++) covariance[i * dimensions + j] += centred[i] * centred[j]
  }
  for (let i = 0; i < dimensions; i++)
    for (let j = 0; j <= i; j++) {
      covariance[i * dimensions + j] /= count - 1
      covariance[j * dimensions + i] = covariance[i * dimensions + j]
    }
  return { mean, covariance }
}

/** Eigenvalues below this share of the largest one are the rounding errors of zeros. */
const nothing = 1e-14

/** The eigenvalues of a symmetric matrix that has none below zero, rounding errors set to zero, and its eigenvectors as columns. */
const spectrum = (
  symmetric: Matrix,
): { readonly values: ReadonlyArray<number>; readonly vectors: Matrix } => {
  const found = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true })
  const largest = found.realEigenvalues.reduce((a, b) => Math.max(a, b), 0)
  return {
    values: found.realEigenvalues.map((x) => (x > nothing * largest ? x : 0)),
    vectors: found.eigenvectorMatrix,
  }
}

/**
 * The squared Fréchet distance of two Gaussians (Dowson & Landau 1982), which is their squared 2-Wasserstein distance:
 *
 *     ‖m₁ − m₂‖² + Tr(C₁ + C₂ − 2·(C₁C₂)^½).
 *
 * The trace of the root is the sum of the square roots of the eigenvalues of the symmetric C₁^½·C₂·C₁^½, so nothing complex
 * appears, however singular the covariances are.
 *
 * @example
 * const distance = frechetDistance(
 *   { mean: Float64Array.of(0), covariance: Float64Array.of(1) },
 *   { mean: Float64Array.of(3), covariance: Float64Array.of(4) },
 * ) // 3² + (2 − 1)²
 */
export const frechetDistance = (a: Moments, b: Moments): number => {
  const dimensions = a.mean.length
  if (b.mean.length !== dimensions)
    throw new RangeError(`moments in ${dimensions} and in ${b.mean.length} dimensions have no distance`)
  const matrix = ({ covariance }: Moments): Matrix => Matrix.from1DArray(dimensions, dimensions, covariance)
  const { values, vectors } = spectrum(matrix(a))
  const root = vectors.mmul(Matrix.diag(values.map(Math.sqrt))).mmul(vectors.transpose())
  const product = root.mmul(matrix(b)).mmul(root)
  // Symmetric but for rounding, which the decomposition must not see.
  const symmetric = Matrix.add(product, product.transpose()).mul(0.5)
  const overlap = spectrum(symmetric).values.reduce((sum, x) => sum + Math.sqrt(x), 0)
  const apart = a.mean.reduce((sum, m, i) => sum + (m - b.mean[i]) ** 2, 0)
  const trace = matrix(a).trace() + matrix(b).trace() - 2 * overlap
  return Math.max(0, apart + trace)
}

/**
 * The Fréchet distance of two sets of points, such as a classifier's features of generated and of held-out images: what FID is
 * (Heusel et al. 2017, arXiv 1706.08500), with features of your own. It is biased upwards for small sets; compare sets of one size.
 *
 * @param a [count, dimensions]
 * @param b [count, dimensions] with a count of its own
 * @example
 * const distance = frechet({ points: new Float32Array(640), count: 10 }, { points: new Float32Array(1280), count: 20 })
 */
export const frechet = (
  a: { readonly points: Float32Array | Float64Array; readonly count: number },
  b: { readonly points: Float32Array | Float64Array; readonly count: number },
): number => frechetDistance(momentsOf(a.points, a.count), momentsOf(b.points, b.count))
