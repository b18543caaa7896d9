import type * as T from 'fp-ts/lib/Task.js'
import type { Picture } from './picture.js'

/**
 * A picture as the bytes of a PNG file. Equal pictures give equal files. It is made in another thread: compressing takes long.
 *
 * @example
 * const file = encodePng({ width: 1, height: 1, rgba: Uint8Array.of(255, 0, 0, 255) })
 */
export const encodePng =
  ({ width, height, rgba }: Picture): T.Task<Uint8Array> =>
  async () => {
    // Loaded when there is something to draw: most commands draw nothing.
    const { default: sharp } = await import('sharp')
    return sharp(rgba, { raw: { width, height, channels: 4 }, limitInputPixels: false })
      .png()
      .toBuffer()
  }
