import type { ElementType } from '../../types/index.js'
import type { Dim } from '../dim.js'
import { GraphFailure } from '../graph-failure.js'
import { showShape } from '../shape.js'
import type { Value } from '../value.js'
import { gather } from './indexing.js'
import { matMul } from './linear.js'
import { integersOf, scalar } from './operand.js'
import { reduceMax, softmax } from './reduce.js'
import { expandTo, concat, range, reshape, shapeOf, transpose, unsqueeze, slice } from './shape.js'
import { cast, tanh } from './unary.js'
import { add, and, div, greater, greaterOrEqual, max, mul, where } from './variadic.js'

export type AttentionOptions = {
  /** [batch, heads, queries, keys] or what broadcasts to it: true where a key may be seen, or floats added to the scores. */
  readonly mask?: Value | undefined
  /** Query i sees keys 0 … i only. */
  readonly causal?: boolean
  /** What scores are multiplied by; 1/√(head size) by default. */
  readonly scale?: number | undefined
  /** Scores are squashed to ±softcap by a tanh; 0 for none. */
  readonly softcap?: number
  /** The element type in which the softmax is computed; that of the operands by default. */
  readonly precision?: ElementType | undefined
}

/** A score that leaves nothing after the softmax and, unlike −∞, no NaN where every key is masked. */
const lowest = (type: ElementType): number => (type === 'float16' ? -3e4 : -1e38)

/** The length of an axis, as a vector of one int64. */
const lengthOf = (x: Value, axis: number): Value => {
  const dim = x.shape[axis]
  return typeof dim === 'number' ? integersOf([dim]) : slice(shapeOf(x), [axis], [axis + 1], [0])
}

/** 0, 1, … below the length of an axis, as int64. */
const counted = (x: Value, axis: number): Value =>
  range(scalar(0, 'int64'), gather(shapeOf(x), scalar(axis, 'int64')), scalar(1, 'int64'))

/** [queries, keys], true where key ≤ query. */
const causalMask = (q: Value, k: Value): Value =>
  greaterOrEqual(unsqueeze(counted(q, 2), [1]), unsqueeze(counted(k, 2), [0]))

/** The whole mask: what may be seen, or what is added. */
const combined = (q: Value, k: Value, { mask, causal = false }: AttentionOptions): Value | undefined => {
  if (!causal) return mask
  const earlier = causalMask(q, k)
  if (mask === undefined) return earlier
  return mask.type === 'bool' ? and(mask, earlier) : where(earlier, mask, lowest(mask.type))
}

/** Every head of [batch, heads, …] `times` times in a row: [a, b] becomes [a, a, b, b]. */
const repeated = (x: Value, times: number): Value => {
  if (times === 1) return x
  const lengths = concat(
    [lengthOf(x, 0), lengthOf(x, 1), integersOf([times]), lengthOf(x, 2), lengthOf(x, 3)],
    0,
  )
  const heads = x.shape[1]
  if (typeof heads !== 'number') throw new GraphFailure('the number of heads has to be known')
  const width = x.shape[3]
  return reshape(expandTo(unsqueeze(x, [2]), lengths), [
    0,
    heads * times,
    -1,
    typeof width === 'number' ? width : 0,
  ])
}

/** How many query heads share a head of keys and values. */
const groupSize = (q: Dim | undefined, k: Dim | undefined): number => {
  if (q === k) return 1
  if (typeof q !== 'number' || typeof k !== 'number' || k < 1 || q % k !== 0) {
    throw new GraphFailure(
      `${String(q)} heads of queries cannot share ${String(k)} heads of keys; the first has to be a multiple of the second`,
    )
  }
  return q / k
}

/**
 * Scaled dot-product attention, softmax(scale·q·kᵀ + mask)·v (Vaswani et al. 2017, arXiv 1706.03762, equation 1), in the operators
 * that ONNX Runtime trains and fuses best. Fewer heads of keys and values than of queries are shared evenly (Ainslie et al. 2023, arXiv 2305.13245).
 * A query that sees no key at all gets zeros, as in PyTorch and ONNX's Attention.
 *
 * @param q [batch, heads, queries, size]
 * @param k [batch, heads / n, keys, size]
 * @param v [batch, heads / n, keys, width]
 * @returns [batch, heads, queries, width]
 * @throws GraphFailure where the operands do not fit
 *
 * @example
 * const q = input('q', 'float32', ['batch', 4, 16, 8])
 * const y = dotProductAttention(q, q, q, { causal: true })
 */
export const dotProductAttention = (q: Value, k: Value, v: Value, options: AttentionOptions = {}): Value => {
  if ([q, k, v].some(({ shape }) => shape.length !== 4)) {
    throw new GraphFailure(
      `attention needs [batch, heads, tokens, size], not ${[q, k, v].map(({ shape }) => showShape(shape)).join(', ')}`,
    )
  }
  const { scale, softcap = 0, precision = q.type } = options
  const width = q.shape[3]
  if (scale === undefined && typeof width !== 'number')
    throw new GraphFailure('the head size has to be known')
  const factor = scale ?? 1 / Math.sqrt(Number(width))
  const times = groupSize(q.shape[1], k.shape[1])
  const products = matMul(mul(q, factor), transpose(repeated(k, times), [0, 1, 3, 2]))
  const capped = softcap > 0 ? mul(tanh(div(products, softcap)), softcap) : products
  const mask = combined(q, k, options)
  const scores = mask === undefined ? capped : masked(capped, mask)
  const weights = cast(softmax(cast(scores, precision), -1), q.type)
  const y = matMul(weights, repeated(v, times))
  // Causality alone leaves every query at least the first key.
  return mask === undefined || options.mask === undefined ? y : where(seesAny(mask), y, 0)
}

const masked = (scores: Value, mask: Value): Value =>
  mask.type === 'bool'
    ? where(mask, scores, lowest(scores.type))
    : add(scores, max(cast(mask, scores.type), lowest(scores.type)))

/** Whether a query sees any key: [.., queries or 1, 1]. */
const seesAny = (mask: Value): Value => {
  const last = mask.shape.length - 1
  const open = mask.type === 'bool' ? cast(mask, 'float32') : mask
  return greater(reduceMax(open, [last]), mask.type === 'bool' ? 0 : lowest(mask.type) / 2)
}

/**
 * Tokens with their heads side by side, [batch, tokens, heads·size], as [batch, heads, tokens, size].
 *
 * @example
 * const q = splitHeads(input('q', 'float32', ['batch', 16, 32]), 4)
 */
export const splitHeads = (x: Value, heads: number): Value => {
  const width = x.shape.at(-1)
  if (x.shape.length !== 3 || heads < 1 || typeof width !== 'number' || width % heads !== 0) {
    throw new GraphFailure(`${showShape(x.shape)} does not divide into ${heads} heads`)
  }
  return transpose(reshape(x, [0, 0, heads, width / heads]), [0, 2, 1, 3])
}

/**
 * [batch, heads, tokens, size] as [batch, tokens, heads·size].
 *
 * @example
 * const y = mergeHeads(input('y', 'float32', ['batch', 4, 16, 8]))
 */
export const mergeHeads = (x: Value): Value => {
  const [, heads, , width] = x.shape
  if (typeof heads !== 'number' || typeof width !== 'number')
    throw new GraphFailure('the number of heads and their size have to be known')
  return reshape(transpose(x, [0, 2, 1, 3]), [0, 0, heads * width])
}
