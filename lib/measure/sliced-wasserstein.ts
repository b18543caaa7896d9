import { normal } from '../random/index.js'

export type Points = {
  /** [count, dimensions] */
  readonly points: Float32Array | Float64Array
  readonly count: number
}

export type SlicedWassersteinOptions = {
  /** Directions that are looked along. Default 128. */
  readonly directions?: number
  /** Names the directions: the same seed looks along the same ones. */
  readonly seed: number
}

/** Where the points lie along a direction, in order. */
const projected = ({ points, count }: Points, direction: Float64Array): Float64Array => {
  const places = new Float64Array(count)
  for (let row = 0; row < count; row++) {
    let sum = 0
    for (let i = 0; i < direction.length; i++) sum += direction[i] * points[row * direction.length + i]
    places[row] = sum
  }
  return places.sort()
}

/** ∫₀¹ (Q_a(u) − Q_b(u))² du for the quantile functions of two ordered sets: steps of 1/count each. */
const squaredTransport = (a: Float64Array, b: Float64Array): number => {
  let [i, j, at, sum] = [0, 0, 0, 0]
  while (i < a.length && j < b.length) {
    const next = Math.min((i + 1) / a.length, (j + 1) / b.length)
    sum += (next - at) * (a[i] - b[j]) ** 2
    // Compared in whole numbers: two roundings of the same quotient may differ.
    const [left, right] = [(i + 1) * b.length, (j + 1) * a.length]
    if (left <= right) i += 1
    if (right <= left) j += 1
    at = next
  }
  return sum
}

/**
 * The sliced 2-Wasserstein distance of two sets of points (Rabin et al. 2011; Bonneel et al. 2015): the root of the mean, over random
 * directions of length 1, of the squared distance between the sets seen along the direction, where optimal transport is sorting.
 * Needs no features: applied to pixels it sees every marginal, not only what a network finds important.
 *
 * @param a [count, dimensions]
 * @param b [count, dimensions] with a count of its own
 * @example
 * const shifted = slicedWasserstein(
 *   { points: Float32Array.of(0, 1), count: 2 },
 *   { points: Float32Array.of(3, 4), count: 2 },
 *   { seed: 1 },
 * ) // 3
 */
export const slicedWasserstein = (
  a: Points,
  b: Points,
  { directions = 128, seed }: SlicedWassersteinOptions,
): number => {
  const dimensions = a.points.length / a.count
  if (b.points.length / b.count !== dimensions)
    throw new RangeError(
      `points of ${dimensions} and of ${b.points.length / b.count} dimensions have no distance`,
    )
  let sum = 0
  for (let sample = 0; sample < directions; sample++) {
    const direction = normal({ seed, purpose: 'projection', step: 0, sample }, new Float64Array(dimensions))
    const length = Math.sqrt(direction.reduce((s, x) => s + x * x, 0))
    const unit = direction.map((x) => x / length)
    sum += squaredTransport(projected(a, unit), projected(b, unit))
  }
  return Math.sqrt(sum / directions)
}
