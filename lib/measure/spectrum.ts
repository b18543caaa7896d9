/**
 * Bands of spatial frequency by their upper edges, rising; a last band above them all takes the rest. A frequency is measured as a
 * share of the highest one that an axis can hold (half a cycle per pixel), the two axes combined as √(u² + v²): 0 is the mean of the
 * image, 1 the finest stripes along an axis, √2 the finest chequers.
 */
export type Edges = ReadonlyArray<number>

/** [n, n]: row k is the k-th cosine of the orthonormal DCT-II. */
const cosines = (n: number): Float64Array => {
  const basis = new Float64Array(n * n)
  for (let k = 0; k < n; k++)
    for (let i = 0; i < n; i++)
      basis[k * n + i] = Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (i + 0.5) * k) / n)
  return basis
}

const known = new Map<number, Float64Array>()

const basisOf = (n: number): Float64Array => {
  const basis = known.get(n) ?? cosines(n)
  known.set(n, basis)
  return basis
}

/** The last two axes are the picture; a sample of one axis is a picture of one row. */
const picture = (shape: ReadonlyArray<number>): readonly [height: number, width: number] => [
  shape.at(-2) ?? 1,
  shape.at(-1) ?? 1,
]

/**
 * The orthonormal two-dimensional cosine transform (DCT-II) of each channel, by matrices: exact, for pictures of any size, and of the
 * same Euclidean length as the picture. Unlike a Fourier transform it sees no jump between opposite borders, which would look like
 * high frequencies.
 *
 * @param x [batch, …shape]
 * @param shape of one sample; its last two axes are the picture
 * @returns [batch, …shape]: frequencies instead of pixels
 * @example
 * const coefficients = cosineTransform(Float32Array.of(1, 1, 1, 1), [1, 2, 2]) // 2, 0, 0, 0
 */
export const cosineTransform = (x: ArrayLike<number>, shape: ReadonlyArray<number>): Float64Array => {
  const [height, width] = picture(shape)
  const [down, across] = [basisOf(height), basisOf(width)]
  const area = height * width
  const out = new Float64Array(x.length)
  const half = new Float64Array(area)
  for (let start = 0; start < x.length; start += area) {
    half.fill(0)
    for (let row = 0; row < height; row++)
      for (let v = 0; v < width; v++) {
        let sum = 0
        for (let i = 0; i < width; i++) sum += across[v * width + i] * x[start + row * width + i]
        half[row * width + v] = sum
      }
    for (let u = 0; u < height; u++)
      for (let row = 0; row < height; row++) {
        const weight = down[u * height + row]
        for (let v = 0; v < width; v++) out[start + u * width + v] += weight * half[row * width + v]
      }
  }
  return out
}

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
  const [height, width] = picture(shape)
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
