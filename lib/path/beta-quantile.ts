/** log Γ(x) for x > 0, to about 1e-15. Source: Lanczos' approximation with g = 7 and nine terms. */
const logGamma = (x: number): number => {
  const c = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const sum = c.slice(1).reduce((total, ci, i) => total + ci / (x + i), c[0])
  const t = x + 6.5
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}

/** The continued fraction of the incomplete beta function, by Lentz's method; converges fast for x < (a + 1)/(a + b + 2). */
const fraction = (x: number, a: number, b: number): number => {
  let c = 1
  let d = 1 / (1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m <= 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / (1 + even * d)
    c = 1 + even / c
    value *= c * d
    d = 1 / (1 + odd * d)
    c = 1 + odd / c
    value *= c * d
    if (Math.abs(c * d - 1) < 1e-16) break
  }
  return value
}

/** The density and the distribution function I_x(a, b) of the beta distribution at 0 < x < 1. Source: NIST DLMF 8.17.22. */
const betaAt = (
  a: number,
  b: number,
): ((x: number) => { readonly density: number; readonly below: number }) => {
  const scale = logGamma(a + b) - logGamma(a) - logGamma(b)
  return (x) => {
    const power = Math.exp(scale + a * Math.log(x) + b * Math.log1p(-x))
    const below =
      x > (a + 1) / (a + b + 2) ? 1 - (power * fraction(1 - x, b, a)) / b : (power * fraction(x, a, b)) / a
    return { density: power / (x * (1 - x)), below }
  }
}

/**
 * The quantile of the beta distribution with parameters a, b > 0: the x in [0, 1] below which a share q of it lies, to about 1e-14. By
 * Newton's method, with a bisection wherever that would leave the interval in which x is known to be.
 *
 * @throws RangeError for a share outside [0, 1], or a parameter that is not positive
 * @example
 * const median = betaQuantile(0.5, 0.6, 0.6) // 0.5
 */
export const betaQuantile = (q: number, a: number, b: number): number => {
  if (!(q >= 0 && q <= 1 && a > 0 && b > 0))
    throw new RangeError(
      `A quantile needs a share in [0, 1] and positive parameters, not ${q}, ${a} and ${b}`,
    )
  if (q === 0) return 0
  // Near 1 the distance from 1 is what has digits left.
  if (q > 0.5) return 1 - betaQuantile(1 - q, b, a)
  const at = betaAt(a, b)
  let [low, high] = [0, 1]
  let x = a / (a + b)
  while (x > low && x < high) {
    const { density, below } = at(x)
    if (below < q) low = x
    else high = x
    const next = x - (below - q) / density
    if (Math.abs(next - x) <= 2 ** -52 * x) return next
    x = next > low && next < high ? next : (low + high) / 2
  }
  return high
}
