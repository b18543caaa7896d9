import { betaQuantile } from '../path/index.js'

/** A measured value and its 95 % confidence interval; the interval is NaN where it cannot be known. */
export type Estimate = { readonly value: number; readonly low: number; readonly high: number }

/**
 * Student's t for a two-sided interval that holds 95 %: 12.7 for 1 degree of freedom, 1.96 for many.
 *
 * @example
 * const t = studentT(7) // 2.3646
 */
export const studentT = (freedom: number): number => {
  // P(|T| > t) is the beta distribution function with parameters freedom/2 and 1/2 at freedom / (freedom + t²).
  const x = betaQuantile(0.05, freedom / 2, 0.5)
  return Math.sqrt((freedom * (1 - x)) / x)
}

/**
 * A statistic of all samples with its confidence interval, from what the statistic is with each of G equal groups of samples left out
 * in turn: the delete-one-group jackknife (Quenouille 1956; Tukey 1958), with Student's t for G − 1 degrees of freedom. It serves any
 * smooth statistic, means and ratios of sums alike, needs the groups' sums only, and draws nothing at random. For the mean it is the
 * usual t-interval of the groups' means.
 *
 * @param value the statistic of all samples
 * @param leftOut the statistic without each group
 * @example
 * const { value, low, high } = jackknife(2, [2.5, 2, 1.5]) // the mean of 1, 2 and 3: 2, -0.48, 4.48
 */
export const jackknife = (value: number, leftOut: ReadonlyArray<number>): Estimate => {
  const groups = leftOut.length
  if (groups < 2) return { value, low: NaN, high: NaN }
  const mean = leftOut.reduce((a, b) => a + b, 0) / groups
  const spread = leftOut.reduce((sum, x) => sum + (x - mean) ** 2, 0)
  const reach = studentT(groups - 1) * Math.sqrt(((groups - 1) / groups) * spread)
  return { value, low: value - reach, high: value + reach }
}
