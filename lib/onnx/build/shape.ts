import { float32, type Tensor } from '../../types/index.js'
import type { GivenAttributes } from '../operators/index.js'
import { operator, single } from '../operator.js'
import { axisOf } from '../shape.js'
import { constant, type Value } from '../value.js'
import { integersOf, scalar, type Numeric } from './operand.js'

/** Functions that arrange elements. Axes may be counted from the end. */

/**
 * The same elements in other dimensions. 0 copies the length at its place, one −1 takes what is left. ONNX Reshape.
 *
 * @example
 * const heads = reshape(input('x', 'float32', ['batch', 16, 64]), [0, 16, 4, -1])
 */
export const reshape = (x: Value, dims: ReadonlyArray<number>): Value =>
  single('Reshape', [x, integersOf(dims)], {})

/**
 * `reshape` to dimensions that are computed in the graph: an int64 vector.
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const y = reshapeTo(input('y', 'float32', ['batch', 2, 2]), shapeOf(x))
 */
export const reshapeTo = (x: Value, dims: Value): Value => single('Reshape', [x, dims], {})

/**
 * A matrix: axes before `axis` are its rows. ONNX Flatten.
 *
 * @example
 * const rows = flatten(input('x', 'float32', ['batch', 1, 28, 28]))
 */
export const flatten = (x: Value, axis = 1): Value => single('Flatten', [x], { axis })

/**
 * Permutes the axes: axis i of the result is axis perm[i] of x; without perm they are reversed. ONNX Transpose.
 *
 * @example
 * const y = transpose(input('x', 'float32', ['batch', 3, 8, 8]), [0, 2, 3, 1])
 */
export const transpose = (x: Value, perm: ReadonlyArray<number> = []): Value =>
  single('Transpose', [x], { perm })

const counted = (axes: ReadonlyArray<number>, rank: number): Value =>
  integersOf(axes.map((axis) => axisOf(axis, rank) ?? axis).sort((a, b) => a - b))

/**
 * Removes axes of length 1; all of them where none are named. ONNX Squeeze.
 *
 * @example
 * const y = squeeze(input('x', 'float32', ['batch', 1, 8]), [1])
 */
export const squeeze = (x: Value, axes?: ReadonlyArray<number>): Value =>
  single('Squeeze', [x, axes === undefined ? undefined : counted(axes, x.shape.length)], {})

/**
 * Inserts axes of length 1 at these places of the result. ONNX Unsqueeze.
 *
 * @example
 * const y = unsqueeze(input('x', 'float32', ['batch', 8]), [1, -1])
 */
export const unsqueeze = (x: Value, axes: ReadonlyArray<number>): Value =>
  single('Unsqueeze', [x, counted(axes, x.shape.length + axes.length)], {})

/**
 * One tensor after the other along an axis. ONNX Concat.
 *
 * @example
 * const y = concat([input('a', 'float32', ['batch', 3]), input('b', 'float32', ['batch', 5])], 1)
 */
export const concat = (values: ReadonlyArray<Value>, axis: number): Value =>
  single('Concat', values, { axis })

/**
 * Parts of given sizes along an axis. ONNX Split.
 *
 * @example
 * const [shift, scale] = split(input('x', 'float32', ['batch', 8]), [4, 4], 1)
 */
export const split = (x: Value, sizes: ReadonlyArray<number>, axis: number): ReadonlyArray<Value> =>
  operator('Split', [x, integersOf(sizes)], { axis }, sizes.length)

/**
 * Elements from starts (included) to ends (excluded) along some axes, every steps-th one; negative bounds count from the end,
 * and bounds beyond the axis are its bounds. ONNX Slice.
 *
 * @example
 * const firstHalf = slice(input('x', 'float32', ['batch', 8]), [0], [4], [1])
 */
export const slice = (
  x: Value,
  starts: ReadonlyArray<number>,
  ends: ReadonlyArray<number>,
  axes?: ReadonlyArray<number>,
  steps?: ReadonlyArray<number>,
): Value =>
  single(
    'Slice',
    [
      x,
      integersOf(starts),
      integersOf(ends),
      integersOf((axes ?? starts.map((_, i) => i)).map((axis) => axisOf(axis, x.shape.length) ?? axis)),
      steps === undefined || steps.every((step) => step === 1) ? undefined : integersOf(steps),
    ],
    {},
  )

/**
 * Repeats axes of length 1 (and adds leading ones) until the shape is the broadcast of x's and `dims`. ONNX Expand.
 *
 * @example
 * const y = expand(input('x', 'float32', ['batch', 1]), [1, 8])
 */
export const expand = (x: Value, dims: ReadonlyArray<number>): Value =>
  single('Expand', [x, integersOf(dims)], {})

/**
 * `expand` to dimensions that are computed in the graph: an int64 vector.
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const ones = expandTo(scalar(1), shapeOf(x))
 */
export const expandTo = (x: Value, dims: Value): Value => single('Expand', [x, dims], {})

/**
 * x repeated along every axis. ONNX Tile.
 *
 * @example
 * const y = tile(input('x', 'float32', ['batch', 2]), [1, 3])
 */
export const tile = (x: Value, repeats: ReadonlyArray<number>): Value =>
  single('Tile', [x, integersOf(repeats)], {})

/**
 * Elements around x: `pads` lists how many before every axis, then how many after; negative ones cut. ONNX Pad.
 *
 * @example
 * const y = pad(input('x', 'float32', ['batch', 1, 8, 8]), [0, 0, 1, 1, 0, 0, 1, 1])
 */
export const pad = (
  x: Value,
  pads: ReadonlyArray<number>,
  mode: 'constant' | 'reflect' | 'edge' | 'wrap' = 'constant',
  value?: Numeric,
): Value =>
  single('Pad', [x, integersOf(pads), typeof value === 'number' ? scalar(value, x.type) : value], { mode })

/**
 * Channels into blocks of pixels: [b, c·s², h, w] → [b, c, h·s, w·s]. `CRD` is PyTorch's pixel shuffle. ONNX DepthToSpace.
 *
 * @example
 * const y = depthToSpace(input('x', 'float32', ['batch', 12, 4, 4]), 2, 'CRD')
 */
export const depthToSpace = (x: Value, blocksize: number, mode: 'DCR' | 'CRD' = 'DCR'): Value =>
  single('DepthToSpace', [x], { blocksize, mode })

/**
 * Blocks of pixels into channels: [b, c, h·s, w·s] → [b, c·s², h, w]. ONNX SpaceToDepth.
 *
 * @example
 * const y = spaceToDepth(input('x', 'float32', ['batch', 3, 8, 8]), 2)
 */
export const spaceToDepth = (x: Value, blocksize: number): Value => single('SpaceToDepth', [x], { blocksize })

/**
 * Resamples every axis by a factor. ONNX Resize.
 *
 * @example
 * const x = input('x', 'float32', ['batch', 8, 7, 7])
 * const twice = resize(x, [1, 1, 2, 2], { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' })
 */
export const resize = (
  x: Value,
  scales: ReadonlyArray<number>,
  options: GivenAttributes<'Resize'> = {},
): Value => single('Resize', [x, undefined, constantScales(scales)], options)

const constantScales = (scales: ReadonlyArray<number>): Value => constant(float32([scales.length], scales))

/**
 * Resamples every axis to a length. ONNX Resize.
 *
 * @example
 * const y = resizeTo(input('x', 'float32', [1, 8, 7, 7]), [1, 8, 14, 14], { mode: 'linear' })
 */
export const resizeTo = (
  x: Value,
  sizes: ReadonlyArray<number>,
  options: GivenAttributes<'Resize'> = {},
): Value => single('Resize', [x, undefined, undefined, integersOf(sizes)], options)

/**
 * The lengths of x's axes, an int64 vector; a constant where they are known. ONNX Shape.
 *
 * @example
 * const dims = shapeOf(input('x', 'float32', ['batch', 8]))
 */
export const shapeOf = (x: Value): Value => single('Shape', [x], {})

/**
 * The number of elements of x, an int64 scalar. ONNX Size.
 *
 * @example
 * const count = sizeOf(input('x', 'float32', ['batch', 8]))
 */
export const sizeOf = (x: Value): Value => single('Size', [x], {})

/**
 * A tensor of one repeated element, its dimensions an int64 vector; `value` has one element. ONNX ConstantOfShape.
 *
 * @example
 * const zeros = constantOfShape(shapeOf(input('x', 'float32', ['batch', 8])), float32([1], [0]))
 */
export const constantOfShape = (dims: Value, value: Tensor): Value =>
  single('ConstantOfShape', [dims], { value })

/**
 * start, start + delta, … below limit; three scalars of one type. ONNX Range.
 *
 * @example
 * const positions = range(scalar(0), scalar(16), scalar(1))
 */
export const range = (start: Value, limit: Value, delta: Value): Value =>
  single('Range', [start, limit, delta], {})

/**
 * The upper (or lower) triangle of the last two axes, zeros elsewhere; `diagonal` above 0 is further up. ONNX Trilu.
 *
 * @example
 * const causal = trilu(input('x', 'float32', ['batch', 8, 8]), { upper: false })
 */
export const trilu = (
  x: Value,
  { upper = true, diagonal = 0 }: { readonly upper?: boolean; readonly diagonal?: number } = {},
): Value => single('Trilu', [x, diagonal === 0 ? undefined : scalar(diagonal, 'int64')], { upper })
