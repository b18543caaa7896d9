import type { GoldenMeta } from '../golden/gradients.js'

/** A parameter and its moments, in float64. */
export type Moments = { readonly p: Float64Array; readonly m: Float64Array; readonly v: Float64Array }

export const started = (p: Float64Array): Moments => ({
  p,
  m: new Float64Array(p.length),
  v: new Float64Array(p.length),
})

/** Step t = 1, 2, … of AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2), as PyTorch computes it. */
export const adamw = (
  { p, m, v }: Moments,
  gradient: Float64Array,
  t: number,
  { lr, betas: [b1, b2], eps, weight_decay }: NonNullable<GoldenMeta['adamw']>,
): Moments => {
  const first = m.map((x, i) => b1 * x + (1 - b1) * gradient[i])
  const second = v.map((x, i) => b2 * x + (1 - b2) * gradient[i] ** 2)
  const step = (i: number): number =>
    (lr / (1 - b1 ** t)) * (first[i] / (Math.sqrt(second[i]) / Math.sqrt(1 - b2 ** t) + eps))
  return { p: p.map((x, i) => x * (1 - lr * weight_decay) - step(i)), m: first, v: second }
}
