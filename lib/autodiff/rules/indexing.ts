import {
  add,
  cast,
  constant,
  equal,
  expand,
  gatherElements,
  gatherND,
  matMul,
  mod,
  mul,
  reduceSum,
  scatterElements,
  scatterND,
  gemm,
  transpose,
  type Value,
} from '../../onnx/index.js'
import { int64, size } from '../../types/index.js'
import type { Application } from '../application.js'
import { zeros, type Cotangent } from '../cotangent.js'
import { dims, knownIntegers } from '../known.js'
import { reshaped } from '../reshaped.js'
import type { Rule, Rules } from '../rule.js'

/**
 * Up to this many rows a table's gradient is a matrix product with the one-hot indices; beyond, a scatter. The product is the
 * faster one for small tables on ONNX Runtime's CPU, runs on every execution provider, and adds in a fixed order.
 */
const longestOneHot = 512

const integer = (x: number): Value => constant(int64([], [x]))

const vector = (xs: ReadonlyArray<number>): Value => constant(int64([xs.length], xs))

/**
 * Σ over i of ȳ[…, i, …] into x̄[…, index(i), …]: dy is [before, n, after], the result [before, length, after].
 *
 * The scatter is ScatterElements. ScatterND, which would need no repeated indices, adds from several threads at once in ONNX
 * Runtime 1.30 and loses sums where an index occurs twice.
 */
const gathered = (dy: Value, indices: Value, length: number): Value => {
  const [before = 1, n = 0, after = 1] = dims(dy)
  const flat = reshaped(cast(indices, 'int64'), [n])
  if (length <= longestOneHot) {
    const classes = reshaped(vector(Array.from({ length }, (_, i) => i)), [1, length])
    // Negative indices count from the end; Mod has the sign of the length.
    const index = mod(reshaped(flat, [n, 1]), integer(length))
    const oneHot = cast(equal(index, classes), dy.type)
    return before === 1
      ? reshaped(gemm(oneHot, reshaped(dy, [n, after]), undefined, { transA: true }), [1, length, after])
      : matMul(transpose(oneHot, [1, 0]), dy)
  }
  const everywhere = expand(reshaped(flat, [1, n, 1]), [before, n, after])
  return scatterElements(zeros([before, length, after], dy.type), everywhere, dy, {
    axis: 1,
    reduction: 'add',
  })
}

/** y = x at some indices of an axis.  x̄ = ȳ added up at these indices. */
const gathering: Rule<'Gather'> = (dy, at) => {
  const { axis } = at.attributes
  const shape = dims(at.input(0))
  const indices = at.input(1)
  const length = shape[axis] ?? 1
  const [before, after] = [shape.slice(0, axis), shape.slice(axis + 1)]
  const known = knownIntegers(indices)
  if (known?.length === 1) {
    const [index] = known
    const value = reshaped(dy, [...before, 1, ...after])
    return [{ value, axis, start: index < 0 ? index + length : index, step: 1 }]
  }
  const flat = reshaped(dy, [size(before), size(dims(indices)), size(after)])
  return [reshaped(gathered(flat, indices, length), shape)]
}

/** y = x at index tuples, batch by batch.  x̄ = ȳ added up there: a tuple is one index into the axes it names, flattened. */
const gatheringTuples: Rule<'GatherND'> = (dy, at) => {
  const { batch_dims: batchAxes } = at.attributes
  const [shape, indices] = [dims(at.input(0)), at.input(1)]
  const places = dims(indices).slice(0, -1)
  const named = batchAxes + (dims(indices).at(-1) ?? 0)
  const [batches, lengths, rest] = [
    shape.slice(0, batchAxes),
    shape.slice(batchAxes, named),
    shape.slice(named),
  ]
  const strides = lengths.map((_, i) => size(lengths.slice(i + 1)))
  const within = reduceSum(mul(mod(indices, vector(lengths)), vector(strides)), [places.length], false)
  const perBatch = size(places.slice(batchAxes))
  const offsets = Array.from({ length: size(places) }, (_, i) => Math.floor(i / perBatch) * size(lengths))
  const flat = add(reshaped(within, [size(places)]), vector(offsets))
  const rows = size(batches) * size(lengths)
  return [reshaped(gathered(reshaped(dy, [1, size(places), size(rest)]), flat, rows), shape)]
}

/** Scatters write (`none`) or add: an update gets ȳ from where it went, x the rest. Products and extremes have no rule. */
const scattered = (
  dy: Value,
  at: Application<'ScatterElements' | 'ScatterND'>,
  read: () => Value,
  erase: (nothing: Value) => Value,
): ReadonlyArray<Cotangent | undefined> => {
  const { reduction } = at.attributes
  if (reduction !== 'none' && reduction !== 'add')
    at.refuse(`combines by "${reduction}"; only "none" and "add" have a gradient`)
  const dx = reduction === 'add' || !at.wants(0) ? dy : erase(zeros(dims(at.input(2)), dy.type))
  return [dx, undefined, at.wants(2) ? read() : undefined]
}

/** Operators that read or write where an integer tensor says. */
export const indexing = {
  Gather: gathering,
  /** y = x[…, index, …], element by element.  x̄ = ȳ added up there. */
  GatherElements: (dy, at) => [
    scatterElements(zeros(dims(at.input(0)), dy.type), at.input(1), dy, {
      axis: at.attributes.axis,
      reduction: 'add',
    }),
  ],
  GatherND: gatheringTuples,
  /** y = x, overwritten by (or plus) u at some indices.  ū = ȳ there; x̄ = ȳ, without what was overwritten. */
  ScatterElements: (dy, at) => {
    const { axis } = at.attributes
    return scattered(
      dy,
      at,
      () => gatherElements(dy, at.input(1), axis),
      (nothing) => scatterElements(dy, at.input(1), nothing, { axis }),
    )
  },
  ScatterND: (dy, at) =>
    scattered(
      dy,
      at,
      () => gatherND(dy, at.input(1)),
      (nothing) => scatterND(dy, at.input(1), nothing),
    ),
  /** y = the k largest (or smallest) of an axis, and where they are.  x̄ = ȳ there. */
  TopK: (dy, at) => [
    scatterElements(zeros(dims(at.input(0)), dy.type), at.output(1), dy, { axis: at.attributes.axis }),
  ],
  OneHot: { refused: 'has settings rather than weights for values; use Where or a product' },
  NonZero: 'flat',
} satisfies Partial<Rules>
