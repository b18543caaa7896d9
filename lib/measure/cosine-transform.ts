/** How lines of a length are transformed: even ones by halves, odd ones by a matrix [n, n] whose row k is cos(π(i + ½)k/n). */
type Way =
  | { readonly halves: Way; readonly secants: Float64Array }
  | { readonly halves: undefined; readonly cosines: Float64Array }

const known = new Map<number, Way>()

const wayOf = (n: number): Way => {
  const way: Way = known.get(n) ?? (n % 2 === 0 ? byHalves(n) : byMatrix(n))
  known.set(n, way)
  return way
}

const byHalves = (n: number): Way => ({
  halves: wayOf(n / 2),
  // 1 / (2·cos(π(i + ½)/n)) for the first half of a line.
  secants: Float64Array.from({ length: n / 2 }, (_, i) => 0.5 / Math.cos((Math.PI * (i + 0.5)) / n)),
})

const byMatrix = (n: number): Way => ({
  halves: undefined,
  cosines: Float64Array.from({ length: n * n }, (_, at) =>
    Math.cos((Math.PI * ((at % n) + 0.5) * Math.floor(at / n)) / n),
  ),
})

/**
 * Σᵢ xᵢ·cos(π(i + ½)k/n) for every k, in place. An even line falls into two of half the length (Lee 1984, "A new algorithm to compute
 * the discrete cosine transform"): sums of mirror images give the even coefficients, weighted differences those of which
 * neighbours add up to the odd ones.
 */
const transform = (line: Float64Array, from: number, n: number, way: Way, scratch: Float64Array): void => {
  if (n === 1) return
  if (way.halves === undefined) {
    for (let k = 0; k < n; k++) {
      let sum = 0
      for (let i = 0; i < n; i++) sum += way.cosines[k * n + i] * line[from + i]
      scratch[from + k] = sum
    }
    for (let k = from; k < from + n; k++) line[k] = scratch[k]
    return
  }
  const half = n / 2
  for (let i = 0; i < half; i++) {
    const x = line[from + i]
    const mirrored = line[from + n - 1 - i]
    scratch[from + i] = x + mirrored
    scratch[from + half + i] = (x - mirrored) * way.secants[i]
  }
  transform(scratch, from, half, way.halves, line)
  transform(scratch, from + half, half, way.halves, line)
  for (let i = 0; i < half - 1; i++) {
    line[from + 2 * i] = scratch[from + i]
    line[from + 2 * i + 1] = scratch[from + half + i] + scratch[from + half + i + 1]
  }
  line[from + n - 2] = scratch[from + half - 1]
  line[from + n - 1] = scratch[from + n - 1]
}

/**
 * The picture that a sample is: its last two axes; a sample of one axis is a picture of one row.
 *
 * @example
 * const [height, width] = pictureOf([3, 32, 48]) // 32, 48
 */
export const pictureOf = (shape: ReadonlyArray<number>): readonly [height: number, width: number] => [
  shape.at(-2) ?? 1,
  shape.at(-1) ?? 1,
]

/**
 * The orthonormal two-dimensional cosine transform (DCT-II) of each channel, for pictures of any size: of the same Euclidean length as
 * the picture. Unlike a Fourier transform it sees no jump between opposite borders, which would look like high frequencies.
 *
 * @param x [batch, …shape]
 * @param shape of one sample; its last two axes are the picture
 * @returns [batch, …shape]: frequencies instead of pixels
 * @example
 * const coefficients = cosineTransform(Float32Array.of(1, 1, 1, 1), [1, 2, 2]) // 2, 0, 0, 0
 */
export const cosineTransform = (x: ArrayLike<number>, shape: ReadonlyArray<number>): Float64Array => {
  const [height, width] = pictureOf(shape)
  const area = height * width
  const out = new Float64Array(x)
  const [line, lineScratch] = [new Float64Array(width), new Float64Array(width)]
  const [column, columnScratch] = [new Float64Array(height), new Float64Array(height)]
  const [upright, along] = [wayOf(height), wayOf(width)]
  const scale = (length: number, k: number): number => Math.sqrt((k === 0 ? 1 : 2) / length)
  const [down, across] = [height, width].map((length) =>
    Float64Array.from({ length }, (_, k) => scale(length, k)),
  )
  for (let start = 0; start < out.length; start += area) {
    for (let row = 0; row < height; row++) {
      line.set(out.subarray(start + row * width, start + (row + 1) * width))
      transform(line, 0, width, along, lineScratch)
      out.set(line, start + row * width)
    }
    for (let v = 0; v < width; v++) {
      for (let row = 0; row < height; row++) column[row] = out[start + row * width + v]
      transform(column, 0, height, upright, columnScratch)
      for (let u = 0; u < height; u++) out[start + u * width + v] = column[u] * down[u] * across[v]
    }
  }
  return out
}
