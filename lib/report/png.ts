import { PNG } from 'pngjs'
import type { Picture } from './picture.js'

/**
 * A picture as the bytes of a PNG file. Equal pictures give equal files.
 *
 * @example
 * const file = encodePng({ width: 1, height: 1, rgba: Uint8Array.of(255, 0, 0, 255) })
 */
export const encodePng = ({ width, height, rgba }: Picture): Uint8Array => {
  const png = new PNG({ width, height })
  png.data.set(rgba)
  return PNG.sync.write(png)
}
