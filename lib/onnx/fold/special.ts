/** Functions that constant folding needs and `Math` lacks, in float64. */

/**
 * The error function 2/√π ∫₀ˣ exp(−t²) dt, to about 1e-15: its Maclaurin series where that converges fast, else the continued
 * fraction of erfc (Abramowitz & Stegun 7.1.5 and 7.1.14).
 *
 * @example
 * const y = fold.erf(0.5) // 0.5204998778130465
 */
export const erf = (x: number): number => {
  const z = Math.abs(x)
  if (Number.isNaN(x)) return NaN
  if (z > 6) return Math.sign(x)
  if (z > 2) {
    let fraction = 0
    for (let k = 60; k > 0; k--) fraction = k / 2 / (z + fraction)
    return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)))
  }
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

/**
 * Nearest integer, ties to the even one: what ONNX Round does.
 *
 * @example
 * const y = fold.roundHalfEven(2.5) // 2
 */
export const roundHalfEven = (x: number): number => {
  const below = Math.floor(x)
  const rest = x - below
  if (rest !== 0.5) return Math.round(x)
  return below % 2 === 0 ? below : below + 1
}

/**
 * log(1 + eˣ) without overflow.
 *
 * @example
 * const y = fold.softplus(0) // log 2
 */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/**
 * 1 / (1 + e⁻ˣ) without overflow.
 *
 * @example
 * const y = fold.sigmoid(0) // 0.5
 */
export const sigmoid = (x: number): number => {
  const small = Math.exp(-Math.abs(x))
  return x >= 0 ? 1 / (1 + small) : small / (1 + small)
}
