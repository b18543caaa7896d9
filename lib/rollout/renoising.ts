import type { Path } from '../path/index.js'

/**
 * Takes latents back to noisier times along the straight line to the noise they came from, wherever they are:
 *
 *     x' = (alpha'/alpha)·x + (sigma' − sigma·alpha'/alpha)·noise,
 *
 * on the flow path (1 − a)·x + a·noise with a = (sigma' − sigma)/(1 − sigma) (HY-SOAR, arXiv 2604.12617). Latents on the schedule of
 * this noise stay on it; a drift shrinks by alpha'/alpha. Pure noise stays what it is.
 *
 * @param latents [batch, …sample], at the timesteps `from` [batch]
 * @param noise [batch, …sample]: the trajectory's own noise end
 * @param to [batch], none below its `from`
 * @returns [batch, …sample]
 * @example
 * const [x] = renoisedLatents(flow(), Float32Array.of(0.2), Float32Array.of(1), [500], [750]) // 0.5·0.2 + 0.5·1
 */
export const renoisedLatents = (
  path: Path,
  latents: Float32Array,
  noise: Float32Array,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
): Float32Array => {
  const out = Float32Array.from(latents)
  const elements = out.length / Math.max(1, from.length)
  for (let i = 0; i < from.length; i++) {
    if (to[i] < from[i]) throw new RangeError(`timestep ${to[i]} is not noisier than ${from[i]}`)
    if (to[i] === from[i]) continue
    const [near, far] = [path.at(from[i]), path.at(to[i])]
    const kept = far.alpha / near.alpha
    const added = far.sigma - near.sigma * kept
    for (let e = i * elements; e < (i + 1) * elements; e++) out[e] = kept * latents[e] + added * noise[e]
  }
  return out
}
