import { concat, constant, gather, gemm, matMul, pad, slice, transpose, type Value } from '../onnx/index.js'
import { int64, size } from '../types/index.js'
import { sumTo } from './broadcast.js'
import { dims } from './known.js'
import { reshaped } from './reshaped.js'

/** How a convolution's window moves; lists have one entry for each spatial axis, `pads` two (before all, then after all). */
export type Sliding = {
  readonly kernel_shape: ReadonlyArray<number>
  readonly strides: ReadonlyArray<number>
  readonly pads: ReadonlyArray<number>
  readonly dilations: ReadonlyArray<number>
  readonly group: number
}

/** Where along one axis the elements lie that meet one position of the kernel. */
type Course = { readonly axis: number; readonly start: number; readonly end: number; readonly step: number }

/** The courses along spatial axis i of an image [channels, …, …columns], one for each position of the kernel. */
const courses = (i: number, axis: number, count: number, sliding: Sliding): ReadonlyArray<Course> => {
  const { kernel_shape, strides, dilations } = sliding
  const [length, step, dilation] = [kernel_shape[i], strides[i], dilations[i]]
  return Array.from({ length }, (_, k) => {
    const start = k * dilation
    return { axis, start, end: start + (count - 1) * step + 1, step }
  })
}

/** All ways to choose one of each. */
const choices = <A>(lists: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<ReadonlyArray<A>> =>
  lists.reduce<ReadonlyArray<ReadonlyArray<A>>>(
    (chosen, list) => chosen.flatMap((before) => list.map((one) => [...before, one])),
    [[]],
  )

const taken = (x: Value, window: ReadonlyArray<Course>): Value =>
  window.length === 0
    ? x
    : slice(
        x,
        window.map(({ start }) => start),
        window.map(({ end }) => end),
        window.map(({ axis }) => axis),
        window.map(({ step }) => step),
      )

/** [batch, channels, rows, …columns] → [channels, rows, batch, …columns] */
const rowsFirst = (x: Value): Value =>
  transpose(x, [1, 2, 0, ...Array.from({ length: x.shape.length - 3 }, (_, i) => i + 3)])

/** Such rows of [channels, rows, …] one after the other, zeros for those outside. */
const rowsAt = (x: Value, rows: ReadonlyArray<number>): Value => {
  const [, height = 1, ...rest] = dims(x)
  if (rows.length === height && rows.every((row, i) => row === i)) return x
  const [before, after] = [Math.max(0, -Math.min(...rows)), Math.max(0, Math.max(...rows) + 1 - height)]
  const none = rest.map(() => 0)
  const padded = pad(x, [0, before, ...none, 0, after, ...none])
  const indices = rows.map((row) => row + before)
  return gather(padded, constant(int64([rows.length], indices)), 1)
}

/** Patches of [channels, rows, batch, …columns] along the columns: [channels, positions of the kernel, rows, batch, …counts]. */
const alongColumns = (x: Value, counts: ReadonlyArray<number>, sliding: Sliding): Value => {
  const [channels = 1, rows = 1, batch = 1, ...widths] = dims(x)
  const half = sliding.pads.length / 2
  const [before, after] = [sliding.pads.slice(1, half), sliding.pads.slice(half + 1)]
  const padded = pad(x, [0, 0, 0, ...before, 0, 0, 0, ...after])
  const lengths = widths.map((width, i) => width + (before[i] ?? 0) + (after[i] ?? 0))
  const laid = reshaped(padded, [channels, 1, rows, batch, ...lengths])
  return concat(
    choices(counts.map((count, i) => courses(i + 1, i + 4, count, sliding))).map((window) =>
      taken(laid, window),
    ),
    1,
  )
}

/**
 * A 1×1 kernel meets the image as it is: a product for each image and their sum, where the weight is smaller than what it would take
 * to lay images side by side. (256 to 128 channels of 32×32 pixels, batch 8: 10 ms against 13; 512 to 1024 of 8×8: 17 against 9.)
 */
const pointwise = (x: Value, dy: Value, { group }: Sliding): Value => {
  const [[batch = 1, channels = 1], [, out = 1, ...counts]] = [dims(x), dims(dy)]
  const [inner, outer, pixels] = [channels / group, out / group, size(counts)]
  const products = grouped(
    reshaped(dy, [batch, group, outer, pixels]),
    reshaped(x, [batch, group, inner, pixels]),
  )
  return reshaped(sumTo(products, [group, outer, inner]), [out, inner, ...counts.map(() => 1)])
}

const isPointwise = (x: Value, dy: Value, { kernel_shape, strides, pads, group }: Sliding): boolean => {
  const [[, channels = 1], [, out = 1, ...counts]] = [dims(x), dims(dy)]
  const plain = [...kernel_shape, ...strides].every((n) => n === 1) && pads.every((n) => n === 0)
  return plain && (channels / group) * out < (channels + out) * size(counts)
}

/**
 * d loss / d w of y = conv(x, w): [out, channels / group, …kernel], for dy of y's shape [batch, out, …counts].
 *
 * One product, of what meets one position of the kernel with what meets it there. With stride 1 x is laid out for every column of the kernel
 * (im2col along the columns), and dy for every row, moved the other way: both are read from three places for a 3×3 kernel, where patches
 * of x alone would be read from nine. These are taken for other strides, and where there are more weights than pixels.
 *
 * @example
 * const x = input('x', 'float32', [8, 16, 32, 32])
 * const dy = input('dy', 'float32', [8, 24, 32, 32])
 * const dw = weightGradient(x, dy, { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 })
 */
export const weightGradient = (x: Value, dy: Value, sliding: Sliding): Value => {
  if (isPointwise(x, dy, sliding)) return pointwise(x, dy, sliding)
  const [, channels = 1, height = 1] = dims(x)
  const [batch = 1, out = 1, ...counts] = dims(dy)
  const { kernel_shape: kernel, group } = sliding
  const [[rows = 1, ...widths], [count = 1, ...columns]] = [kernel, counts]
  const [inner, outer, positions] = [channels / group, out / group, size(widths)]
  const line = batch * size(columns)
  const [step, dilation, top] = [sliding.strides[0], sliding.dilations[0], sliding.pads[0]]
  const [lines, back] = [
    reshaped(alongColumns(rowsFirst(x), columns, sliding), [channels * positions, height, line]),
    rowsFirst(dy),
  ]
  const each = (length: number, row: (i: number, k: number) => number): ReadonlyArray<number> =>
    Array.from({ length: rows * length }, (_, j) => row(j % length, Math.floor(j / length)))
  if (step === 1 && 4 * outer <= line * count) {
    const left = rowsAt(
      back,
      each(height, (i, k) => i - k * dilation + top),
    )
    const product = grouped(
      reshaped(left, [group, outer * rows, height * line]),
      reshaped(lines, [group, inner * positions, height * line]),
    )
    const turned = transpose(reshaped(product, [out, rows, inner, positions]), [0, 2, 1, 3])
    return reshaped(turned, [out, inner, ...kernel])
  }
  const moved = rowsAt(
    lines,
    each(count, (i, k) => i * step + k * dilation - top),
  )
  const patches = transpose(reshaped(moved, [channels, positions, rows, count * line]), [0, 2, 1, 3])
  const product = grouped(
    reshaped(back, [group, outer, count * line]),
    reshaped(patches, [group, inner * rows * positions, count * line]),
  )
  return reshaped(product, [out, inner, ...kernel])
}

/** a·bᵀ over leading axes; one matrix is a Gemm, which transposes for free. */
const grouped = (a: Value, b: Value): Value => {
  const [left, right] = [dims(a), dims(b)]
  const rank = left.length
  if (size(left.slice(0, -2)) === 1) {
    const product = gemm(reshaped(a, left.slice(-2)), reshaped(b, right.slice(-2)), undefined, {
      transB: true,
    })
    return reshaped(product, [...left.slice(0, -1), right.at(-2) ?? 1])
  }
  return matMul(a, transpose(b, [...left.keys()].slice(0, -2).concat(rank - 1, rank - 2)))
}
