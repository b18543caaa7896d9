/** Pixels, row by row from the top left: red, green, blue, opacity, each 0 … 255. */
export type Picture = { readonly width: number; readonly height: number; readonly rgba: Uint8Array }

type Colour = readonly [number, number, number]

export type SampleGridOptions = {
  /** [channels, height, width] of one sample; 1 channel is grey, 3 are red, green and blue. */
  readonly shape: readonly [number, number, number]
  /** Samples in a row. */
  readonly columns: number
  /** Each pixel becomes a square of this side, so that small images can be looked at. Default 3. */
  readonly scale?: number
  /** Pixels between samples and around them. Default 4. */
  readonly gap?: number
}

/** Between samples: neither black nor white, so that their borders show. */
const background: Colour = [70, 74, 82]

/** −1 … 1 to 0 … 255; what is not a number stands out as it should. */
const byte = (x: number): number =>
  Number.isNaN(x) ? 255 : Math.round(255 * Math.min(1, Math.max(0, (x + 1) / 2)))

/**
 * Samples side by side, as a picture for people.
 *
 * @param latents [count, channels, height, width], in [−1, 1]; values beyond are clipped
 * @returns rows of `columns` samples; the last row may be shorter
 * @example
 * const picture = sampleGrid(new Float32Array(2 * 28 * 28), { shape: [1, 28, 28], columns: 2 })
 */
export const sampleGrid = (
  latents: Float32Array,
  { shape: [channels, height, width], columns, scale = 3, gap = 4 }: SampleGridOptions,
): Picture => {
  const area = height * width
  const count = Math.floor(latents.length / (channels * area))
  const across = Math.min(columns, Math.max(1, count))
  const down = Math.ceil(count / across)
  const [stepX, stepY] = [width * scale + gap, height * scale + gap]
  const picture = { width: gap + across * stepX, height: gap + down * stepY }
  const rgba = new Uint8Array(4 * picture.width * picture.height)
  const paint = (x: number, y: number, [r, g, b]: Colour): void => {
    rgba.set([r, g, b, 255], 4 * (y * picture.width + x))
  }
  for (let i = 0; i < picture.width * picture.height; i++)
    paint(i % picture.width, Math.floor(i / picture.width), background)
  const channel = (sample: number, c: number, pixel: number): number =>
    byte(latents[(sample * channels + Math.min(c, channels - 1)) * area + pixel])
  for (let sample = 0; sample < count; sample++) {
    const left = gap + (sample % across) * stepX
    const top = gap + Math.floor(sample / across) * stepY
    for (let y = 0; y < height * scale; y++)
      for (let x = 0; x < width * scale; x++) {
        const pixel = Math.floor(y / scale) * width + Math.floor(x / scale)
        paint(left + x, top + y, [
          channel(sample, 0, pixel),
          channel(sample, 1, pixel),
          channel(sample, 2, pixel),
        ])
      }
  }
  return { ...picture, rgba }
}
