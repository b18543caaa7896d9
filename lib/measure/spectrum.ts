import { cosineTransform, pictureOf } from './cosine-transform.js'

/**
 * Bands of spatial frequency by their upper edges, rising; a last band above them all takes the rest. A frequency is measured as a
 * share of the highest one that an axis can hold (half a cycle per pixel), the two axes combined as √(u² + v²): 0 is the mean of the
 * image, 1 the finest stripes along an axis, √2 the finest chequers.
 */
export type Edges = ReadonlyArray<number>

/**
 * The power in each band of frequencies: the sum of squared coefficients over all channels. Over all bands it is ‖x‖² (Parseval).
 *
 * @param coefficients of `cosineTransform`, [batch, …shape]
 * @returns [batch, edges.length + 1]
 * @example
 * const coefficients = cosineTransform(Float32Array.of(1, 1, 1, -1), [1, 2, 2])
 * const [low, high] = bandPowers(coefficients, [1, 2, 2], [0.5]) // 1, 3
 */
export const bandPowers = (
  coefficients: Float64Array,
  shape: ReadonlyArray<number>,
  edges: Edges,
): Float64Array => {
  const [height, width] = pictureOf(shape)
  const elements = shape.reduce((n, d) => n * d, 1)
  const bands = edges.length + 1
  const bandOf = Uint32Array.from({ length: height * width }, (_, i) => {
    const radius = Math.hypot(Math.floor(i / width) / height, (i % width) / width)
    const band = edges.findIndex((edge) => radius < edge)
    return band < 0 ? edges.length : band
  })
  const powers = new Float64Array((coefficients.length / elements) * bands)
  for (let i = 0; i < coefficients.length; i++)
    powers[Math.floor(i / elements) * bands + bandOf[i % bandOf.length]] += coefficients[i] ** 2
  return powers
}

/** How far latents lie from the ideal ones, in low and in high frequencies; low² + high² is the relative drift squared. All [batch]. */
export type SplitDrift = { readonly low: Float64Array; readonly high: Float64Array }

/**
 * The relative drift ‖x̂ − x‖ / ‖x‖ of each sample, split at a spatial frequency: that of its smooth and that of its fine parts.
 *
 * @param drifted [batch, …shape]
 * @param ideal [batch, …shape]
 * @param cut where high frequencies begin, as `Edges` measures them
 * @example
 * const { low, high } = splitDrift(new Float32Array(784), new Float32Array(784).fill(1), [1, 28, 28], 0.25) // 1, 0
 */
export const splitDrift = (
  drifted: Float32Array,
  ideal: Float32Array,
  shape: ReadonlyArray<number>,
  cut: number,
): SplitDrift => {
  const [there, here] = [cosineTransform(ideal, shape), cosineTransform(drifted, shape)]
  const of = (coefficients: Float64Array): Float64Array => bandPowers(coefficients, shape, [cut])
  const [apart, length] = [of(here.map((c, i) => c - there[i])), of(there)]
  const part = (band: number): Float64Array =>
    Float64Array.from({ length: length.length / 2 }, (_, i) =>
      Math.sqrt(apart[2 * i + band] / (length[2 * i] + length[2 * i + 1])),
    )
  return { low: part(0), high: part(1) }
}
