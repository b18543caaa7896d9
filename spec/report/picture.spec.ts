import fc from 'fast-check'
import { PNG } from 'pngjs'
import { describe, expect, it } from 'vitest'
import { encodePng, type Picture, sampleGrid } from '../../lib/report/index.js'

const pixel = ({ width, rgba }: Picture, x: number, y: number): ReadonlyArray<number> => [
  ...rgba.subarray(4 * (y * width + x), 4 * (y * width + x) + 4),
]

describe('sampleGrid', () => {
  it('puts sample i at column i mod columns, every pixel a square of the scale', () => {
    const latents = Float32Array.from({ length: 5 * 4 }, (_, i) => (Math.floor(i / 4) / 4) * 2 - 1)
    const picture = sampleGrid(latents, { shape: [1, 2, 2], columns: 3, scale: 2, gap: 1 })
    expect([picture.width, picture.height]).toEqual([1 + 3 * 5, 1 + 2 * 5])
    for (let sample = 0; sample < 5; sample++) {
      const [left, top] = [1 + (sample % 3) * 5, 1 + Math.floor(sample / 3) * 5]
      const grey = Math.round((255 * sample) / 4)
      for (const [x, y] of [
        [0, 0],
        [3, 0],
        [0, 3],
        [3, 3],
      ])
        expect(pixel(picture, left + x, top + y)).toEqual([grey, grey, grey, 255])
    }
    // Where there is no sample, and between samples, the background shows.
    expect(pixel(picture, 12, 7)).toEqual(pixel(picture, 0, 0))
  })

  it('shows three channels as red, green and blue, and clips', () => {
    const picture = sampleGrid(Float32Array.of(9, -9, 0), { shape: [3, 1, 1], columns: 1, scale: 1, gap: 0 })
    expect(pixel(picture, 0, 0)).toEqual([255, 0, 128, 255])
  })
})

describe('encodePng', () => {
  it('writes files that a PNG reader reads back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.infiniteStream(fc.nat(255)),
        async (width, height, stream) => {
          const rgba = Uint8Array.from({ length: 4 * width * height }, () => Number(stream.next().value))
          const read = PNG.sync.read(Buffer.from(await encodePng({ width, height, rgba })()))
          expect([read.width, read.height]).toEqual([width, height])
          expect(Uint8Array.from(read.data)).toEqual(rgba)
        },
      ),
      { numRuns: 30 },
    )
  })
})
