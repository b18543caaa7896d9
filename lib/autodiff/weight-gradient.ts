import { concat, gemm, matMul, pad, reshape, slice, transpose, type Value } from '../onnx/index.js'
import { size } from '../types/index.js'
import { sumTo } from './broadcast.js'
import { dims } from './known.js'

/** How a convolution's window moves; lists have one entry for each spatial axis, `pads` two (before all, then after all). */
export type Sliding = {
  readonly kernel_shape: ReadonlyArray<number>
  readonly strides: ReadonlyArray<number>
  readonly pads: ReadonlyArray<number>
  readonly dilations: ReadonlyArray<number>
  readonly group: number
}

/** All index tuples below `shape`, in row-major order. */
const indices = (shape: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  shape.reduce<ReadonlyArray<ReadonlyArray<number>>>(
    (tuples, length) => tuples.flatMap((tuple) => Array.from({ length }, (_, i) => [...tuple, i])),
    [[]],
  )

/** For every position of the kernel, the elements of x that meet it: [batch, channels, …counts] each (im2col, in pieces). */
const taps = (
  x: Value,
  counts: ReadonlyArray<number>,
  { kernel_shape, strides, pads, dilations }: Sliding,
): ReadonlyArray<Value> => {
  const padded = pads.some((n) => n > 0)
    ? pad(x, [0, 0, ...pads.slice(0, counts.length), 0, 0, ...pads.slice(counts.length)])
    : x
  const axes = counts.map((_, i) => i + 2)
  return indices(kernel_shape).map((position) => {
    const starts = position.map((index, i) => index * (dilations[i] ?? 1))
    const ends = starts.map((start, i) => start + ((counts[i] ?? 1) - 1) * (strides[i] ?? 1) + 1)
    return slice(padded, starts, ends, axes, strides)
  })
}

/**
 * Up to this many output pixels the batch is folded into the columns of one product; beyond, every image is a product of its own.
 * Measured with onnxruntime-node 1.30 on a CPU, 3×3 kernel, batch 32: 128 channels of 8×8 pixels 13 ms against 25 ms, 96 of 16×16
 * 28 against 37, 64 of 32×32 the same; a 1×1 kernel of 32×32 pixels 9 against 7 (the transposes no longer pay).
 */
const smallImage = 512

/**
 * d loss / d w of y = conv(x, w): [out, channels / group, …kernel], for dy of y's shape [batch, out, …counts].
 *
 * The patches of x under every kernel position become the rows of a matrix (im2col), and dw = dy · patchesᵀ summed over pixels and
 * batch. Written as a Conv with batch and channels swapped it would take three to ten times as long on ONNX Runtime's CPU.
 *
 * @example
 * const x = input('x', 'float32', [8, 16, 32, 32])
 * const dy = input('dy', 'float32', [8, 24, 32, 32])
 * const dw = weightGradient(x, dy, { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 })
 */
export const weightGradient = (x: Value, dy: Value, sliding: Sliding): Value => {
  const [batch = 1, channels = 1] = dims(x)
  const [, out = 1, ...counts] = dims(dy)
  const { kernel_shape: kernel, group } = sliding
  const [inner, outer, positions, pixels] = [channels / group, out / group, size(kernel), size(counts)]
  const folded = pixels <= smallImage
  // Folded, batch and pixels are one axis, and the batch has to come after the channels.
  const ready = (value: Value): Value =>
    folded ? transpose(value, [1, 0, ...counts.map((_, i) => i + 2)]) : value
  const lead = folded ? [] : [batch]
  const columns = folded ? batch * pixels : pixels
  const patches = reshape(
    concat(
      taps(ready(x), counts, sliding).map((tap) => reshape(tap, [...lead, group, inner, columns])),
      lead.length + 1,
    ),
    [...lead, group, positions * inner, columns],
  )
  const rows = reshape(ready(dy), [...lead, group, outer, columns])
  const products = grouped(rows, patches)
  const summed = sumTo(products, [group, outer, positions * inner])
  const byPosition = reshape(summed, [out, positions, inner])
  return reshape(transpose(byPosition, [0, 2, 1]), [out, inner, ...kernel])
}

/** a·bᵀ over leading axes; one matrix is a Gemm, which transposes for free. */
const grouped = (a: Value, b: Value): Value => {
  const [left, right] = [dims(a), dims(b)]
  const rank = left.length
  if (size(left.slice(0, -2)) === 1) {
    const product = gemm(reshape(a, left.slice(-2)), reshape(b, right.slice(-2)), undefined, { transB: true })
    return reshape(product, [...left.slice(0, -1), right.at(-2) ?? 1])
  }
  return matMul(a, transpose(b, [...left.keys()].slice(0, -2).concat(rank - 1, rank - 2)))
}
