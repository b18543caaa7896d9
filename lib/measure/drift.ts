/** The product of the two, summed over each sample: [batch]. In float64. */
const innerProducts = (a: Float32Array, b: Float32Array, batch: number): Float64Array => {
  const elements = a.length / Math.max(1, batch)
  return Float64Array.from({ length: batch }, (_, i) => {
    let sum = 0
    const end = (i + 1) * elements
    for (let e = i * elements; e < end; e++) sum += a[e] * b[e]
    return sum
  })
}

/**
 * The Euclidean length of each sample, ‖x‖.
 *
 * @param x [batch, …sample]
 * @returns [batch]
 * @example
 * const lengths = norms(Float32Array.of(3, 4, 0, 1), 2) // 5, 1
 */
export const norms = (x: Float32Array, batch: number): Float64Array =>
  innerProducts(x, x, batch).map(Math.sqrt)

/**
 * The Euclidean distance of each sample from its partner, ‖a − b‖. Of rolled-out data from the data that was noised at its start,
 * ‖x̂_0 − x_0‖, this is the return error of DDPM-IP (Ning et al. 2023, arXiv 2301.11706, their branch `exposure_bias_deterministic`).
 *
 * @param a [batch, …sample]
 * @param b [batch, …sample]
 * @returns [batch]
 * @example
 * const errors = distances(Float32Array.of(3, 5), Float32Array.of(3, 4), 1) // 1
 */
export const distances = (a: Float32Array, b: Float32Array, batch: number): Float64Array => {
  const elements = a.length / Math.max(1, batch)
  return Float64Array.from({ length: batch }, (_, i) => {
    let sum = 0
    const end = (i + 1) * elements
    for (let e = i * elements; e < end; e++) {
      const difference = a[e] - b[e]
      sum += difference * difference
    }
    return Math.sqrt(sum)
  })
}

/**
 * How far rolled-out latents lie from the ideal ones, ‖x̂_t − x_t‖ / ‖x_t‖, Euclidean norms over each sample: what exposure
 * bias is made of. Small drift is not the same as good samples: a latent can move closer to the ideal by getting blurred.
 *
 * @param drifted [batch, …sample]
 * @param ideal [batch, …sample]
 * @param batch the number of samples
 * @returns [batch]
 * @example
 * const shares = relativeDrift(Float32Array.of(3, 5), Float32Array.of(3, 4), 1) // 0.2
 */
export const relativeDrift = (drifted: Float32Array, ideal: Float32Array, batch: number): Float64Array => {
  const lengths = norms(ideal, batch)
  return distances(drifted, ideal, batch).map((distance, i) => distance / lengths[i])
}

/** What each sample's own output has to do with the one it should be. All [batch]. */
export type Bias = {
  /** ‖out(x̂) − out(x)‖ / ‖out(x)‖. */
  readonly relative: Float64Array
  /** The cosine of the angle between out(x̂) and out(x). */
  readonly cosine: Float64Array
}

/**
 * The one-step bias of the prediction: what the model says at a drifted latent against what it says at the ideal one, at one and the
 * same time. Its norm and its cosine over time are what DEFAR motivates its two losses with (arXiv 2606.28226).
 *
 * @param biased predictions at the drifted latents, [batch, …sample]
 * @param unbiased predictions at the ideal ones, [batch, …sample]
 * @example
 * const { relative, cosine } = predictionBias(Float32Array.of(0, 2), Float32Array.of(1, 0), 1) // √5, 0
 */
export const predictionBias = (biased: Float32Array, unbiased: Float32Array, batch: number): Bias => {
  const lengths = norms(unbiased, batch)
  const others = norms(biased, batch)
  return {
    relative: distances(biased, unbiased, batch).map((distance, i) => distance / lengths[i]),
    cosine: innerProducts(biased, unbiased, batch).map((product, i) => product / (lengths[i] * others[i])),
  }
}

/**
 * The signal-to-noise ratio that each latent shows, as half its logarithm like `lambda`: the part of the latent along its data against
 * all the rest, ½·log(‖x_∥‖² / ‖x − x_∥‖²) with x_∥ = (⟨x, x0⟩ / ‖x0‖²)·x0. Reverse trajectories show a lower one than the noising
 * process at the same time: the SNR-t bias of DCW (arXiv 2604.16044). Compare with the same reading of the ideal latent, since chance
 * makes noise look a little like data.
 *
 * @param x [batch, …sample]
 * @param x0 [batch, …sample]
 * @returns [batch]; ∞ where a latent is nothing but its data
 * @example
 * const shown = shownSnr(Float32Array.of(1, 1), Float32Array.of(2, 0), 1) // 0
 */
export const shownSnr = (x: Float32Array, x0: Float32Array, batch: number): Float64Array => {
  const elements = x.length / Math.max(1, batch)
  const [along, length] = [innerProducts(x, x0, batch), innerProducts(x0, x0, batch)]
  return Float64Array.from({ length: batch }, (_, i) => {
    const share = along[i] / length[i]
    let rest = 0
    for (let e = i * elements; e < (i + 1) * elements; e++) rest += (x[e] - share * x0[e]) ** 2
    return 0.5 * Math.log((share * share * length[i]) / rest)
  })
}
