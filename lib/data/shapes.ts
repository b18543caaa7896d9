import { uniform } from '../random/index.js'
import { labelled, type LabelledDataset } from './dataset.js'

/** Whether the point (x, y), measured from the shape's centre in units of its half-width, is inside. */
const inside = [
  (x: number, y: number): boolean => x * x + y * y <= 1,
  (x: number, y: number): boolean => Math.max(Math.abs(x), Math.abs(y)) <= 0.9,
  (x: number, y: number): boolean =>
    Math.min(Math.abs(x), Math.abs(y)) <= 0.35 && Math.max(Math.abs(x), Math.abs(y)) <= 1,
  (x: number, y: number): boolean => y <= 0.9 && y >= 2 * Math.abs(x) - 0.9,
] as const

/**
 * Discs, squares, crosses and triangles of any size and place: [1, side, side] in [−1, 1], 4 classes. Computed from the seed
 * and the index, without files: for tests and quick trials.
 *
 * @param size the number of samples
 * @param side in pixels
 * @example
 * const data = shapes({ size: 1024 })
 */
export const shapes = ({
  size = 4096,
  side = 8,
  seed = 0,
}: { readonly size?: number; readonly side?: number; readonly seed?: number } = {}): LabelledDataset =>
  labelled({
    name: 'shapes',
    size,
    shape: [1, side, side],
    classes: inside.length,
    label: (index) => index % inside.length,
    read: (index, out, offset) => {
      const key = { seed, purpose: 'data', step: 0, sample: index } as const
      const radius = side * (0.24 + 0.16 * uniform(key, 0))
      const centre = (i: number): number => radius + (side - 2 * radius) * uniform(key, i)
      const [cx, cy] = [centre(1), centre(2)]
      const covers = inside[index % inside.length]
      // Each pixel is the mean of 4 × 4 points of it, so that edges are smooth.
      const points = 4
      for (let row = 0; row < side; row++)
        for (let column = 0; column < side; column++) {
          let hits = 0
          for (let k = 0; k < points * points; k++) {
            const x = column + ((k % points) + 0.5) / points
            const y = row + (Math.floor(k / points) + 0.5) / points
            if (covers((x - cx) / radius, (y - cy) / radius)) hits += 1
          }
          out[offset + row * side + column] = (2 * hits) / (points * points) - 1
        }
    },
  })
