import { size, type ElementType } from '../../types/index.js'
import { flag, int, type Attributes } from '../attribute.js'
import { define, type Call, type Definition } from '../definition.js'
import { floats, numbers, toNumbers } from '../element.js'
import type { Dim } from '../dim.js'
import { sameShape } from '../shape.js'
import { staticDims, stridesOf, typed, walk } from '../fold/evaluate.js'

/** Operators that combine the elements along some axes, or run along one. */

/** The axes a reduction removes: those of input 1, or all of them where it is left out or empty. */
const reducedAxes = (
  call: Call<{ readonly noop_with_empty_axes: ReturnType<typeof flag> }>,
): ReadonlyArray<number> => {
  const rank = call.input(0).shape.length
  const given = call.inputs[1] === undefined ? [] : call.integers(1).map((axis) => call.axis(axis, rank))
  if (new Set(given).size !== given.length) call.fail('an axis is named twice')
  if (given.length > 0) return [...given].sort((a, b) => a - b)
  return call.attributes.noop_with_empty_axes ? [] : Array.from({ length: rank }, (_, i) => i)
}

const reduceAttributes = { keepdims: flag(true), noop_with_empty_axes: flag(false) } satisfies Attributes

/** A number out of the elements along the reduced axes; `neutral` where the number of a single element is that element. */
const reduction = (
  types: ReadonlyArray<ElementType>,
  reduce: (xs: Float64Array) => number,
  neutral = false,
): Definition<typeof reduceAttributes> =>
  define({
    inputs: [1, 2],
    attributes: reduceAttributes,
    settings: [1],
    infer: (call) => {
      const { type, shape } = call.demand(0, types)
      const axes = reducedAxes(call)
      const kept = shape.flatMap((dim, i): Dim[] =>
        !axes.includes(i) ? [dim] : call.attributes.keepdims ? [1] : [],
      )
      return [{ type, shape: kept }]
    },
    passes: (call, { shape }) =>
      neutral &&
      sameShape(shape, call.input(0).shape) &&
      reducedAxes(call).every((axis) => call.input(0).shape[axis] === 1)
        ? 0
        : undefined,
    evaluate: ([x], outputs, call) => {
      if (x === undefined) return undefined
      const axes = reducedAxes(call)
      const strides = stridesOf(x.dims)
      const at = (chosen: (i: number) => boolean): Uint32Array =>
        walk(
          x.dims.filter((_, i) => chosen(i)),
          strides.filter((_, i) => chosen(i)),
        )
      const values = toNumbers(x)
      const inner = at((i) => axes.includes(i))
      // An empty reduction has a value for some operators only.
      if (inner.length === 0) return undefined
      const results = Array.from(
        at((i) => !axes.includes(i)),
        (start) => reduce(Float64Array.from(inner, (offset) => values[start + offset] ?? 0)),
      )
      return typed(outputs, staticDims(outputs), results)
    },
  })

const sum = (xs: Float64Array): number => xs.reduce((a, b) => a + b, 0)
const max = (xs: Float64Array): number => xs.reduce((a, b) => Math.max(a, b), -Infinity)

const logSumExp = (xs: Float64Array): number => {
  const top = max(xs)
  return Number.isFinite(top) ? top + Math.log(xs.reduce((a, b) => a + Math.exp(b - top), 0)) : top
}

const argument = define({
  inputs: [1, 1],
  attributes: { axis: int(0), keepdims: flag(true), select_last_index: flag(false) },
  normalise: (call) => ({
    ...call.attributes,
    axis: call.axis(call.attributes.axis, call.input(0).shape.length),
  }),
  infer: (call) => {
    const { shape } = call.demand(0, numbers)
    const { axis, keepdims } = call.attributes
    return [
      { type: 'int64', shape: shape.flatMap((dim, i): Dim[] => (i !== axis ? [dim] : keepdims ? [1] : [])) },
    ]
  },
})

/** Normalised over one axis: same shape. */
const alongAxis = define({
  inputs: [1, 1],
  attributes: { axis: int(-1) },
  normalise: (call) => ({ axis: call.axis(call.attributes.axis, call.input(0).shape.length) }),
  infer: (call) => {
    const { type, shape } = call.demand(0, floats)
    return [{ type, shape }]
  },
})

export const reduceOperators = {
  ReduceSum: reduction(numbers, sum, true),
  ReduceMean: reduction(numbers, (xs) => sum(xs) / xs.length, true),
  ReduceMax: reduction(numbers, max, true),
  ReduceMin: reduction(numbers, (xs) => -max(xs.map((x) => -x)), true),
  ReduceProd: reduction(numbers, (xs) => xs.reduce((a, b) => a * b, 1), true),
  ReduceSumSquare: reduction(numbers, (xs) => sum(xs.map((x) => x * x))),
  ReduceL1: reduction(numbers, (xs) => sum(xs.map(Math.abs))),
  ReduceL2: reduction(numbers, (xs) => Math.sqrt(sum(xs.map((x) => x * x)))),
  ReduceLogSum: reduction(numbers, (xs) => Math.log(sum(xs))),
  ReduceLogSumExp: reduction(numbers, logSumExp),
  ArgMax: argument,
  ArgMin: argument,
  Softmax: alongAxis,
  LogSoftmax: alongAxis,

  CumSum: define({
    inputs: [2, 2],
    attributes: { exclusive: flag(false), reverse: flag(false) },
    settings: [1],
    infer: (call) => {
      const { type, shape } = call.demand(0, numbers)
      const [axis = 0] = call.integers(1)
      call.axis(axis, shape.length)
      return [{ type, shape }]
    },
    evaluate: ([x], outputs, call) => {
      if (x === undefined) return undefined
      const axis = call.axis(call.integers(1)[0] ?? 0, x.dims.length)
      const { exclusive, reverse } = call.attributes
      const length = x.dims[axis] ?? 1
      const stride = stridesOf(x.dims)[axis] ?? 1
      const values = toNumbers(x)
      const result = new Float64Array(size(x.dims))
      for (let start = 0; start < result.length; start++) {
        if (Math.floor(start / stride) % length !== 0) continue
        let total = 0
        for (let i = 0; i < length; i++) {
          const at = start + (reverse ? length - 1 - i : i) * stride
          const next = total + (values[at] ?? 0)
          result[at] = exclusive ? total : next
          total = next
        }
      }
      return typed(outputs, x.dims, result)
    },
  }),

  TopK: define({
    inputs: [2, 2],
    outputs: [2, 2],
    attributes: { axis: int(-1), largest: flag(true), sorted: flag(true) },
    settings: [1],
    normalise: (call) => ({
      ...call.attributes,
      axis: call.axis(call.attributes.axis, call.input(0).shape.length),
    }),
    infer: (call) => {
      const { type, shape } = call.demand(0, numbers)
      const [k = 0] = call.integers(1)
      const chosen = shape.map((dim, i) => (i === call.attributes.axis ? k : dim))
      const length = shape[call.attributes.axis]
      if (typeof length === 'number' && k > length)
        call.fail(`k = ${k} is more than the axis has (${length})`)
      return [
        { type, shape: chosen },
        { type: 'int64', shape: chosen },
      ]
    },
  }),
}
