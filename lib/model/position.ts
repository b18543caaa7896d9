import { constant, type Value } from '../onnx/index.js'
import { float32 } from '../types/index.js'

/**
 * Fixed sine and cosine positions of a grid of tokens (ViT-MAE's two-dimensional form of Vaswani et al. 2017, as in DiT): the first half
 * of the features tells the row, the second half the column, each as [sin, cos] of frequencies 10000^(−i/(width/4)).
 *
 * @param width a multiple of 4
 * @returns [1, rows·columns, width]
 * @example
 * const positions = gridPositions(7, 7, 128)
 */
export const gridPositions = (rows: number, columns: number, width: number): Value => {
  const n = width / 4
  const encode = (position: number): ReadonlyArray<number> => {
    const angles = Array.from({ length: n }, (_, i) => position * 10_000 ** (-i / n))
    return [...angles.map(Math.sin), ...angles.map(Math.cos)]
  }
  const places = Array.from({ length: Math.max(rows, columns) }, (_, position) => encode(position))
  const data = new Float32Array(rows * columns * width)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const token = (row * columns + column) * width
      data.set(places[row], token)
      data.set(places[column], token + width / 2)
    }
  return constant(float32([1, rows * columns, width], data))
}
