import type { Path } from '../path/index.js'

/**
 * x_t = alpha(t)·x0 + sigma(t)·noise, each sample at its own timestep.
 *
 * @param x0 [batch, …sample]
 * @param noise [batch, …sample], standard normal
 * @param timesteps [batch], on the path's training grid
 * @returns [batch, …sample]
 * @example
 * const latents = noisedLatents(flow(), Float32Array.of(1, -1), Float32Array.of(0.5, 0.5), [0, 1000]) // 1, 0.5
 */
export const noisedLatents = (
  path: Path,
  x0: Float32Array,
  noise: Float32Array,
  timesteps: ArrayLike<number>,
): Float32Array => {
  const out = new Float32Array(x0.length)
  const elements = x0.length / Math.max(1, timesteps.length)
  for (let i = 0; i < timesteps.length; i++) {
    const { alpha, sigma } = path.at(timesteps[i])
    for (let e = i * elements; e < (i + 1) * elements; e++) out[e] = alpha * x0[e] + sigma * noise[e]
  }
  return out
}
