import type { AttributesOf } from '../onnx/index.js'
import type { AxisMatrix } from './axis-matrix.js'

type Attributes = AttributesOf<'Resize'>

/** Where output index i reads an axis, as a position on the input; `scale` is output length / input length, or what was asked for. */
const position = (
  i: number,
  length: number,
  count: number,
  scale: number,
  transformation: Exclude<Attributes['coordinate_transformation_mode'], 'tf_crop_and_resize'>,
): number => {
  const centre = (i + 0.5) / scale - 0.5
  switch (transformation) {
    case 'half_pixel':
      return centre
    case 'pytorch_half_pixel':
      return count > 1 ? centre : 0
    case 'half_pixel_symmetric':
      return (length / 2) * (1 - count / (scale * length)) + centre
    case 'align_corners':
      return count > 1 ? (i * (length - 1)) / (count - 1) : 0
    case 'asymmetric':
      return i / scale
  }
}

/** The whole position that stands for x. */
const nearest: Readonly<Record<Attributes['nearest_mode'], (x: number) => number>> = {
  floor: Math.floor,
  ceil: Math.ceil,
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
}

/** Keys' cubic convolution kernel (1981), a = −3/4 by default, at distance d from the element. */
const cubic = (d: number, a: number): number => {
  const x = Math.abs(d)
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0
}

/** How much an element at distance d counts. */
const kernel = ({ mode, cubic_coeff_a: a }: Attributes, d: number): number =>
  mode === 'cubic' ? cubic(d, a) : Math.max(0, 1 - Math.abs(d))

/**
 * (index, weight) pairs of the elements a position reads; indices may lie outside the axis.
 *
 * @param width what the kernel is stretched by: 1, or with anti-aliasing the number of elements that become one
 */
const reads = (
  x: number,
  attributes: Attributes,
  width: number,
): ReadonlyArray<readonly [number, number]> => {
  const { mode, nearest_mode } = attributes
  if (mode === 'nearest') return [[nearest[nearest_mode](x), 1]]
  const reach = mode === 'cubic' ? 2 * width : width
  const first = Math.floor(x - reach) + 1
  const last = Math.ceil(x + reach) - 1
  return Array.from({ length: last - first + 1 }, (_, k) => [
    first + k,
    kernel(attributes, (x - first - k) / width),
  ])
}

/**
 * What a Resize does along one axis, as a matrix: every mode reads a few elements and weighs them. Undefined for tf_crop_and_resize, which is
 * not covered.
 *
 * @param scale output length / input length, or the scale that was asked for, which may differ by a fraction of an element
 *
 * @example
 * const y = resize(input('x', 'float32', [1, 1, 4, 4]), [1, 1, 2, 2], { mode: 'linear' })
 * const matrix = y.node.kind === 'operator' && y.node.operator === 'Resize' ? resizeMatrix(4, 8, 2, y.node.attributes) : undefined
 */
export const resizeMatrix = (
  length: number,
  count: number,
  scale: number,
  attributes: Attributes,
): AxisMatrix | undefined => {
  const { coordinate_transformation_mode: transformation, antialias, exclude_outside } = attributes
  if (transformation === 'tf_crop_and_resize') return undefined
  const width = antialias ? Math.max(1, 1 / scale) : 1
  const weights = new Float64Array(count * length)
  for (let i = 0; i < count; i++) {
    const found = reads(position(i, length, count, scale, transformation), attributes, width)
    const inside = exclude_outside ? found.filter(([j]) => j >= 0 && j < length) : found
    const sum = inside.reduce((total, [, weight]) => total + weight, 0)
    for (const [j, weight] of inside) {
      const at = i * length + Math.min(Math.max(j, 0), length - 1)
      weights[at] = (weights[at] ?? 0) + weight / sum
    }
  }
  return { rows: count, columns: length, weights }
}
