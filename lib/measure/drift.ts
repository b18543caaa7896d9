/**
 * How far rolled-out latents lie from the ideal ones, ‖x̂_t − x_t‖ / ‖x_t‖, Euclidean norms over each sample: what exposure
 * bias is made of. Small drift is not the same as good samples: a latent can move closer to the ideal by getting blurred.
 *
 * @param drifted [batch, …sample]
 * @param ideal [batch, …sample]
 * @param batch the number of samples
 * @returns [batch]
 * @example
 * const distances = relativeDrift(Float32Array.of(3, 5), Float32Array.of(3, 4), 1) // 0.2
 */
export const relativeDrift = (drifted: Float32Array, ideal: Float32Array, batch: number): Float64Array => {
  const elements = ideal.length / Math.max(1, batch)
  return Float64Array.from({ length: batch }, (_, i) => {
    let distance = 0
    let norm = 0
    for (let e = i * elements; e < (i + 1) * elements; e++) {
      const x = ideal[e]
      distance += (drifted[e] - x) ** 2
      norm += x ** 2
    }
    return Math.sqrt(distance / norm)
  })
}
