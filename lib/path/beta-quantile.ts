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

/** The distribution function of the beta distribution, I_x(a, b). Source: NIST DLMF 8.17.22. */
const betaCdf = (x: number, a: number, b: number): number => {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a)
  const scale = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)
  return (Math.exp(scale) * fraction(x, a, b)) / a
}

/**
 * The quantile of the beta distribution with parameters a, b > 0: the x in [0, 1] below which a share q of it lies. By bisection, to
 * about 1e-14.
 *
 * @example
 * const median = betaQuantile(0.5, 0.6, 0.6) // 0.5
 */
export const betaQuantile = (q: number, a: number, b: number): number => {
  if (!(q >= 0 && q <= 1 && a > 0 && b > 0))
    throw new RangeError(
      `A quantile needs a share in [0, 1] and positive parameters, not ${q}, ${a} and ${b}`,
    )
  // Near 1 the distance from 1 is what has digits left.
  if (q > 0.5) return 1 - betaQuantile(1 - q, b, a)
  let low = 0
  let high = 1
  for (let i = 0; i < 1100; i++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (betaCdf(middle, a, b) < q) low = middle
    else high = middle
  }
  return high
}
