import { GraphFailure, reshape, showShape, transpose, type Value } from '../onnx/index.js'
import { axis } from './axis.js'

const blocks = (length: number, patch: number, x: Value): number => {
  if (length % patch !== 0) {
    throw new GraphFailure(
      `patches of ${patch}×${patch} do not tile ${showShape(x.shape)}: its sides have to be multiples of ${patch}`,
    )
  }
  return length / patch
}

/**
 * Cuts an image into squares and makes each a token: [batch, C, H, W] → [batch, (H/patch)·(W/patch), C·patch²]. Tokens go row by row;
 * in a token the channel is outermost, then the row.
 *
 * @throws GraphFailure where the patches do not tile the image
 * @example
 * const tokens = patches(input('latents', 'float32', ['batch', 1, 28, 28]), 4) // [batch, 49, 16]
 */
export const patches = (x: Value, patch: number): Value => {
  const [channels, height, width] = [axis(x, 1), axis(x, 2), axis(x, 3)]
  const [rows, columns] = [blocks(height, patch, x), blocks(width, patch, x)]
  const cut = reshape(x, [0, channels, rows, patch, columns, patch])
  return reshape(transpose(cut, [0, 2, 4, 1, 3, 5]), [0, rows * columns, channels * patch * patch])
}

/**
 * The inverse of `patches`: [batch, (H/patch)·(W/patch), C·patch²] → [batch, C, H, W].
 *
 * @param image the shape [C, H, W] to put together
 * @example
 * const tokens = input('tokens', 'float32', ['batch', 49, 16])
 * const image = assembled(tokens, [1, 28, 28], 4)
 */
export const assembled = (
  tokens: Value,
  [channels, height, width]: readonly [number, number, number],
  patch: number,
): Value => {
  const cut = reshape(tokens, [0, height / patch, width / patch, channels, patch, patch])
  return reshape(transpose(cut, [0, 3, 1, 4, 2, 5]), [0, channels, height, width])
}

/**
 * Trades resolution for channels without mixing anything: [batch, C, H, W] → [batch, C·patch², H/patch, W/patch]. Of the new
 * channels the old one is outermost, as in PyTorch's `PixelUnshuffle`.
 *
 * @throws GraphFailure where the patches do not tile the image
 * @example
 * const coarse = unshuffled(input('latents', 'float32', ['batch', 1, 28, 28]), 2) // [batch, 4, 14, 14]
 */
export const unshuffled = (x: Value, patch: number): Value => {
  if (patch === 1) return x
  const [channels, height, width] = [axis(x, 1), axis(x, 2), axis(x, 3)]
  const [rows, columns] = [blocks(height, patch, x), blocks(width, patch, x)]
  const cut = reshape(x, [0, channels, rows, patch, columns, patch])
  return reshape(transpose(cut, [0, 1, 3, 5, 2, 4]), [0, channels * patch * patch, rows, columns])
}

/**
 * The inverse of `unshuffled`: [batch, C·patch², H, W] → [batch, C, H·patch, W·patch], as in PyTorch's `PixelShuffle`.
 *
 * @example
 * const fine = shuffled(input('coarse', 'float32', ['batch', 4, 14, 14]), 2) // [batch, 1, 28, 28]
 */
export const shuffled = (x: Value, patch: number): Value => {
  if (patch === 1) return x
  const [channels, height, width] = [axis(x, 1) / patch ** 2, axis(x, 2), axis(x, 3)]
  const cut = reshape(x, [0, channels, patch, patch, height, width])
  return reshape(transpose(cut, [0, 1, 4, 2, 5, 3]), [0, channels, height * patch, width * patch])
}
