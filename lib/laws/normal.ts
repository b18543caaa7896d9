/**
 * The standard normal distribution function Φ(x), to about 1e-15: its Taylor series around 0 near the middle, a continued fraction of
 * the tail elsewhere. Source: Abramowitz & Stegun 26.2.11 and 26.2.14.
 *
 * @example
 * const half = normalCdf(0) // 0.5
 */
export const normalCdf = (x: number): number => {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
  if (Math.abs(x) < 4) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= (x * x) / (2 * n + 1)
      sum += term
    }
    return 0.5 + density * sum
  }
  const far = Math.abs(x)
  let fraction = far
  for (let k = 60; k >= 1; k--) fraction = far + k / fraction
  const tail = density / fraction
  return x < 0 ? tail : 1 - tail
}
