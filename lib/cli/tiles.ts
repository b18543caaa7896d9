/** Samples as pictures that a person can look at: [channels, height, width] with 1 or 3 channels. */
export type Tiled = { readonly shape: readonly [number, number, number]; readonly data: Float32Array }

/** Three standard deviations from black to grey and from grey to white: nearly all of a normal distribution. */
const deviations = 3

/**
 * Samples of any shape as pictures. Images of 1 or 3 channels are what they are. Of anything else, such as latents, every channel becomes a
 * grey tile of its own, in a square of tiles; their brightness spans three standard deviations around 0, as latents have no black and white.
 *
 * @param shape of one sample; its last two axes are height and width
 * @param data [count, …shape]
 * @example
 * const { shape } = tiled([4, 8, 8], new Float32Array(2 * 4 * 64)) // [1, 16, 16]
 */
export const tiled = (shape: ReadonlyArray<number>, data: Float32Array): Tiled => {
  const [height, width] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
  const channels = shape.slice(0, -2).reduce((product, length) => product * length, 1)
  if (shape.length === 3 && (channels === 1 || channels === 3))
    return { shape: [channels, height, width], data }
  const across = Math.ceil(Math.sqrt(channels))
  const down = Math.ceil(channels / across)
  const area = height * width
  const count = data.length / Math.max(1, channels * area)
  const deviation = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / Math.max(1, data.length))
  const scale = deviation > 0 ? 1 / (deviations * deviation) : 1
  // Places without a channel are black.
  const out = new Float32Array(count * across * down * area).fill(-1)
  for (let sample = 0; sample < count; sample++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++) {
        const from = ((sample * channels + c) * height + y) * width
        const row = sample * down * height + Math.floor(c / across) * height + y
        const to = (row * across + (c % across)) * width
        for (let x = 0; x < width; x++) out[to + x] = data[from + x] * scale
      }
  return { shape: [1, down * height, across * width], data: out }
}
