import { add, concat, expand, pad, scalar, slice, type Value } from '../onnx/index.js'
import { dims } from './known.js'
import { reshaped } from './reshaped.js'

/**
 * d loss / d x, of x's shape: a value, or the part of it that is not zero. Parts come from rules of operators that take a tensor
 * apart (Split, Slice, Gather of one index); side by side they are put together by one Concat instead of padded and added.
 */
export type Cotangent = Value | Part

/** Zero but for `value`, whose elements along `axis` sit at `start`, `start + step`, … of the whole. */
export type Part = {
  readonly value: Value
  readonly axis: number
  readonly start: number
  readonly step: number
}

/**
 * Whether a cotangent is only a part.
 *
 * @example
 * const whole = !isPart(input('dy', 'float32', [2, 6]))
 */
export const isPart = (cotangent: Cotangent): cotangent is Part => !('node' in cotangent)

const count = ({ value, axis }: Part): number => dims(value)[axis] ?? 0

const end = (part: Part): number => part.start + count(part)

/**
 * A tensor of zeros, stored as one number.
 *
 * @example
 * const nothing = zeros([8, 16], 'float32')
 */
export const zeros = (shape: ReadonlyArray<number>, type: Value['type']): Value =>
  expand(scalar(0, type), shape)

/** `shape` with another length along one axis. */
const withLength = (shape: ReadonlyArray<number>, axis: number, length: number): ReadonlyArray<number> =>
  shape.map((n, i) => (i === axis ? length : n))

/**
 * Strided parts (the even and the odd elements, as rotary embeddings take them) side by side along a new axis, zeros where there
 * is none: together they are one part without strides.
 */
const interleaved = (parts: ReadonlyArray<Part>, length: number): ReadonlyArray<Part> => {
  const first = parts.at(0)
  if (first === undefined) return []
  const { axis, step, start } = first
  const fits = (part: Part, i: number): boolean =>
    part.step === step && count(part) === count(first) && part.start === start + i
  const lanes = Array.from({ length: step }, (_, i) => parts.find((part) => fits(part, i)))
  const shape = dims(first.value)
  const lane = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]
  const stacked = concat(
    lanes.map((part) => (part === undefined ? zeros(lane, first.value.type) : reshaped(part.value, lane))),
    axis + 1,
  )
  const joined = reshaped(stacked, withLength(shape, axis, count(first) * step))
  const room = length - start
  const value = count(first) * step > room ? slice(joined, [0], [room], [axis]) : joined
  const others = parts.filter((part) => !lanes.includes(part))
  return [{ value, axis, start, step: 1 }, ...interleaved(others, length)]
}

/** Parts without strides in rows: within a row none overlaps another. */
const rows = (parts: ReadonlyArray<Part>): ReadonlyArray<ReadonlyArray<Part>> => {
  const open: Part[][] = []
  for (const part of [...parts].sort((a, b) => a.start - b.start)) {
    const row = open.find((candidate) => candidate.every((other) => end(other) <= part.start))
    if (row === undefined) open.push([part])
    else row.push(part)
  }
  return open
}

/** One row as a whole tensor: gaps are zeros. */
const joined = (row: ReadonlyArray<Part>, axis: number, shape: ReadonlyArray<number>): Value => {
  const [first, ...others] = row
  const length = shape[axis] ?? 0
  if (others.length === 0) {
    const zero = shape.map(() => 0)
    return pad(first.value, [
      ...withLength(zero, axis, first.start),
      ...withLength(zero, axis, length - end(first)),
    ])
  }
  const gap = (from: number, to: number): ReadonlyArray<Value> =>
    from < to ? [zeros(withLength(shape, axis, to - from), first.value.type)] : []
  const pieces = row.flatMap((part, i) => {
    const before = row.at(i - 1)
    return [...gap(i === 0 || before === undefined ? 0 : end(before), part.start), part.value]
  })
  const last = row.at(-1) ?? first
  return concat([...pieces, ...gap(end(last), length)], axis)
}

/**
 * The sum of everything a value contributes to the loss; undefined for no contribution at all.
 *
 * @example
 * const x = input('x', 'float32', [2, 6])
 * const gradient = accumulated(x, [{ value: input('dy', 'float32', [2, 3]), axis: 1, start: 0, step: 1 }])
 */
export const accumulated = (x: Value, contributions: ReadonlyArray<Cotangent>): Value | undefined => {
  const shape = dims(x)
  const values = contributions.flatMap((cotangent) => (isPart(cotangent) ? [] : [cotangent]))
  const parts = contributions.filter(isPart).sort((a, b) => a.start - b.start)
  const wholes = [...new Set(parts.map(({ axis }) => axis))].flatMap((axis) => {
    const along = parts.filter((part) => part.axis === axis)
    const [plain, strided] = [along.filter(({ step }) => step === 1), along.filter(({ step }) => step > 1)]
    return rows([...plain, ...interleaved(strided, shape[axis] ?? 0)]).map((row) => joined(row, axis, shape))
  })
  return [...values, ...wholes].reduce<Value | undefined>(
    (sum, value) => (sum === undefined ? value : add(sum, value)),
    undefined,
  )
}
