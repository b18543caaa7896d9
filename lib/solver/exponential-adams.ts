/**
 * The integrals behind every multistep method here. In half log-SNR the probability-flow ODE is semilinear, and one step of length
 * h is its linear part, done exactly, plus h ∫₀¹ exp(s·h·(1 − θ)) m(θ) dθ where m is the data prediction (s = −1) or the noise
 * prediction (s = +1) along the step; s = 0 gives the classical Adams methods. Replacing m by the polynomial through its known values
 * turns the integral into a weighted sum of them.
 * Source: Lu et al. 2022 (arXiv 2211.01095, eq. 8–9); Hochbruck & Ostermann 2010 ("Exponential integrators", section 2).
 */
export type Rate = -1 | 0 | 1

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))

/** Below this |z| the φ functions are summed as series: the recurrence divides a difference of near-equals by z. */
const seriesBelow = 2

/**
 * φ_1(z) … φ_count(z), where φ_0 = exp and φ_{n+1}(z) = (φ_n(z) − 1/n!) / z; φ_n(0) = 1/n!.
 *
 * @example
 * const [phi1, phi2] = phis(2, 0) // 1, 1/2
 */
export const phis = (count: number, z: number): Float64Array => {
  const phi = new Float64Array(count)
  if (Math.abs(z) < seriesBelow) {
    let term = 1 / factorial(count)
    for (let k = 1; Math.abs(term) > 1e-19; k++) {
      phi[count - 1] += term
      term *= z / (count + k)
    }
    // Downwards the recurrence multiplies by z, which is benign.
    for (let n = count - 1; n >= 1; n--) phi[n - 1] = z * phi[n] + 1 / factorial(n)
  } else {
    phi[0] = Math.expm1(z) / z
    for (let n = 1; n < count; n++) phi[n] = (phi[n - 1] - 1 / factorial(n)) / z
  }
  return phi
}

/**
 * h ∫₀¹ exp(rate·h·(1 − θ)) θⁿ dθ for n = 0 … count − 1. With rate −1 an infinite h is allowed and gives ones: all the weight of the
 * integral then lies at its end.
 *
 * @example
 * const [whole] = moments(1, 0.5, -1) // 1 − exp(−0.5)
 */
export const moments = (count: number, h: number, rate: Rate): Float64Array => {
  if (h === Infinity && rate === -1) return new Float64Array(count).fill(1)
  return phis(count, rate * h).map((phi, n) => factorial(n) * h * phi)
}

/**
 * The weights w with Σ w_j m(nodes_j) = the integral, exact for polynomials m of degree below the number of nodes, from its moments.
 * Nodes are positions θ along the step (0 its start, 1 its end, negative ones in the past) and must differ. Solves the dual
 * Vandermonde system in O(n²) without forming it: Björck & Pereyra 1970, algorithm 4.6.2 of Golub & Van Loan.
 *
 * @example
 * const secondOrderAdams = weights([0, -1], moments(2, 1, 0)) // [1.5, -0.5]
 */
export const weights = (nodes: ReadonlyArray<number>, moments: Float64Array): Float64Array => {
  const w = moments.slice(0, nodes.length)
  const last = nodes.length - 1
  for (let k = 0; k < last; k++) for (let i = last; i > k; i--) w[i] -= nodes[k] * w[i - 1]
  for (let k = last - 1; k >= 0; k--) {
    for (let i = k + 1; i <= last; i++) w[i] /= nodes[i] - nodes[i - k - 1]
    for (let i = k; i < last; i++) w[i] -= w[i + 1]
  }
  return w
}
