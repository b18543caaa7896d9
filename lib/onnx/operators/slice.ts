import { define, type Call } from '../definition.js'
import { floorDivide, minus, plus, sameDim, unknown, type Dim } from '../dim.js'
import { pick, staticDims, stridesOf, walk } from '../fold/evaluate.js'
import { sameShape } from '../shape.js'

/** Slice: every `step`-th element between bounds, axis by axis. */

/** `end` beyond this is how exporters write "to the last": they use 2^31 − 1 and 2^63 − 1. */
const farAway = 2 ** 31 - 1

/** Bounds of one sliced axis, clamped as ONNX does; undefined where a symbol keeps them from being known. */
const bounds = (
  length: Dim,
  start: Dim,
  end: Dim,
  step: number,
): { readonly first: number; readonly count: number } | undefined => {
  if (typeof length !== 'number' || typeof start !== 'number' || typeof end !== 'number') return undefined
  const clamp = (x: number, low: number, high: number): number =>
    Math.min(Math.max(x < 0 ? x + length : x, low), high)
  const first = step > 0 ? clamp(start, 0, length) : clamp(start, 0, length - 1)
  const last = step > 0 ? clamp(end, 0, length) : clamp(end, -1, length - 1)
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) }
}

/** The length of a sliced axis, kept symbolic where it can be: a symbol is taken to be long enough for the slice not to be empty. */
const slicedLength = (length: Dim, start: Dim, end: Dim, step: number): Dim => {
  const known = bounds(length, start, end, step)
  if (known !== undefined) return known.count
  if (sameDim(length, end) && typeof start === 'number') end = farAway
  if (step < 0 || typeof start !== 'number') return unknown
  const from = start < 0 ? plus(length, start) : start
  if (typeof end === 'number' && end >= farAway) {
    const rest = start < 0 ? -start : minus(length, start)
    return step === 1 ? rest : floorDivide(plus(rest, step - 1), step)
  }
  if (typeof end === 'number' && end < 0 && step === 1) {
    // Both bounds counted from the end: no symbol is left, and a slice may be empty.
    const count = minus(plus(length, end), from)
    return typeof count === 'number' ? Math.max(0, count) : count
  }
  return unknown
}

const sliceAxes = (call: Call): ReadonlyArray<number> => {
  const rank = call.input(0).shape.length
  const [count] = call.rank(1, 1).shape
  if (call.inputs[3] !== undefined) return call.integers(3).map((axis) => call.axis(axis, rank))
  return typeof count === 'number' && count <= rank
    ? Array.from({ length: count }, (_, i) => i)
    : call.fail('the number of sliced axes has to be known and at most the rank')
}

const sliceSteps = (call: Call, count: number): ReadonlyArray<number> => {
  const steps = call.inputs[4] === undefined ? new Array<number>(count).fill(1) : call.integers(4)
  return steps.includes(0) ? call.fail('a step cannot be 0') : steps
}

/** First index, step and number of elements along every axis of a slice, all known. */
const sliceWindow = (
  call: Call,
): ReadonlyArray<{ readonly first: number; readonly step: number; readonly count: number }> | undefined => {
  const { shape } = call.input(0)
  const axes = sliceAxes(call)
  const steps = sliceSteps(call, axes.length)
  const [starts, ends] = [call.elements(1), call.elements(2)]
  const windows = shape.map((length, axis) => {
    const i = axes.indexOf(axis)
    const step = steps[i] ?? 1
    const known =
      i < 0 ? { first: 0, count: length } : bounds(length, starts?.[i] ?? unknown, ends?.[i] ?? unknown, step)
    return known === undefined || typeof known.count !== 'number'
      ? undefined
      : { first: known.first, step, count: known.count }
  })
  return windows.every((window) => window !== undefined) ? windows : undefined
}

export const sliceOperators = {
  Slice: define({
    inputs: [3, 5],
    attributes: {},
    settings: [1, 2, 3, 4],
    infer: (call) => {
      const { type, shape } = call.input(0)
      const axes = sliceAxes(call)
      const steps = sliceSteps(call, axes.length)
      const [starts, ends] = [call.elements(1), call.elements(2)]
      if (new Set(axes).size !== axes.length) call.fail('an axis is named twice')
      if (starts?.length !== axes.length || ends?.length !== axes.length || steps.length !== axes.length) {
        call.fail(`starts, ends and steps need one number for each of ${axes.length} axes`)
      }
      const cut = shape.map((length, axis) => {
        const i = axes.indexOf(axis)
        return i < 0
          ? length
          : slicedLength(length, starts?.[i] ?? unknown, ends?.[i] ?? unknown, steps[i] ?? 1)
      })
      return [{ type, shape: cut }]
    },
    passes: (call, { shape }) => {
      const forward = sliceSteps(call, sliceAxes(call).length).every((step) => step === 1)
      return forward && sameShape(shape, call.input(0).shape) ? 0 : undefined
    },
    elements: (call) => {
      const { elements } = call.input(0)
      const window = sliceWindow(call)?.at(0)
      if (elements === undefined || window === undefined) return undefined
      return Array.from(
        { length: window.count },
        (_, i) => elements[window.first + i * window.step] ?? unknown,
      )
    },
    evaluate: ([x], outputs, call) => {
      const windows = sliceWindow(call)
      if (x === undefined || windows === undefined) return undefined
      const strides = stridesOf(x.dims)
      const dims = staticDims(outputs)
      const offset = windows.reduce((sum, { first }, i) => sum + first * (strides[i] ?? 1), 0)
      const stepped = windows.map(({ step }, i) => step * (strides[i] ?? 1))
      return [pick(x, dims, walk(dims, stepped, offset))]
    },
  }),
}
