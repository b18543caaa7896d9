/** Pixels, row by row from the top left: red, green, blue, opacity, each 0 … 255. */
export type Picture = { readonly width: number; readonly height: number; readonly rgba: Uint8Array }

export type SampleGridOptions = {
  /** [channels, height, width] of one sample; 1 channel is grey, 3 are red, green and blue. */
  readonly shape: readonly [number, number, number]
  /** Samples in a row. */
  readonly columns: number
  /** Each pixel becomes a square of this side, so that small images can be looked at. Default 3, and less for images that are large. */
  readonly scale?: number
  /** Pixels between samples and around them. Default 4. */
  readonly gap?: number
}

/** Between samples: neither black nor white, so that their borders show. */
const background = [70, 74, 82, 255] as const

/** Images are shown about this large, in pixels, where a whole scale up to 3 makes them so. */
const pleasant = 96

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
  {
    shape: [channels, height, width],
    columns,
    scale = Math.min(3, Math.max(1, Math.round(pleasant / Math.max(height, width)))),
    gap = 4,
  }: SampleGridOptions,
): Picture => {
  const area = height * width
  const count = Math.floor(latents.length / (channels * area))
  const across = Math.min(columns, Math.max(1, count))
  const down = Math.ceil(count / across)
  const [stepX, stepY] = [width * scale + gap, height * scale + gap]
  const picture = { width: gap + across * stepX, height: gap + down * stepY }
  const stride = 4 * picture.width
  const rgba = new Uint8Array(stride * picture.height)
  for (let i = 0; i < rgba.length; i += 4) for (let c = 0; c < 4; c++) rgba[i + c] = background[c]
  for (let sample = 0; sample < count; sample++) {
    const left = 4 * (gap + (sample % across) * stepX)
    const top = gap + Math.floor(sample / across) * stepY
    for (let y = 0; y < height; y++) {
      const start = (top + y * scale) * stride + left
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++) {
          const from = (sample * channels + Math.min(c, channels - 1)) * area + y * width + x
          const value = byte(latents[from])
          for (let i = 0; i < scale; i++) rgba[start + 4 * (x * scale + i) + c] = value
        }
      // A row of squares is so many equal rows of pixels.
      for (let i = 1; i < scale; i++) rgba.copyWithin(start + i * stride, start, start + 4 * width * scale)
    }
  }
  return { ...picture, rgba }
}
