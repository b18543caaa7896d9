import { choice, int } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { mayEqual, unknown, type Dim } from '../dim.js'
import { toNumbers } from '../element.js'
import { pick, staticDims, stridesOf, walk } from '../fold/evaluate.js'
import { mayMatch, showShape } from '../shape.js'
import { size } from '../../types/index.js'

/** Operators that read or write where an integer tensor says. */

const axisNormalised = <R extends { readonly axis: number }>(call: Call & { readonly attributes: R }): R => ({
  ...call.attributes,
  axis: call.axis(call.attributes.axis, call.input(0).shape.length),
})

/** Refuses constant indices outside −length … length−1. */
const checkIndices = (call: Call, i: number, length: Dim): void => {
  const { tensor } = call.demand(i, ['int64', 'int32'])
  if (tensor === undefined || typeof length !== 'number') return
  const bad = toNumbers(tensor).find((index) => index < -length || index >= length)
  if (bad !== undefined) call.fail(`index ${bad} is outside ${-length} … ${length - 1}`)
}

const reduction = choice(['none', 'add', 'mul', 'max', 'min'])

/** How many leading axes of the data an index tuple of GatherND or ScatterND names: the last length of the indices. */
const tupleLength = (call: Call): number => {
  const last = call.demand(1, ['int64']).shape.at(-1)
  return typeof last === 'number'
    ? last
    : call.fail('the last axis of the indices has to have a known length')
}

export const indexingOperators = {
  Gather: define({
    inputs: [2, 2],
    attributes: { axis: int(0) },
    normalise: axisNormalised,
    infer: (call) => {
      const { type, shape } = call.input(0)
      const { axis } = call.attributes
      checkIndices(call, 1, shape[axis] ?? 1)
      return [{ type, shape: [...shape.slice(0, axis), ...call.input(1).shape, ...shape.slice(axis + 1)] }]
    },
    elements: (call) => {
      const { elements } = call.input(0)
      return call
        .elements(1)
        ?.map((index) =>
          typeof index === 'number'
            ? (elements?.[index < 0 ? index + elements.length : index] ?? unknown)
            : unknown,
        )
    },
    evaluate: ([x, indices], outputs, call) => {
      if (x === undefined || indices === undefined) return undefined
      const { axis } = call.attributes
      const length = x.dims[axis] ?? 1
      const at = toNumbers(indices)
      const inner = stridesOf(x.dims)[axis] ?? 1
      const dims = staticDims(outputs)
      const offsets = new Uint32Array(dims.reduce((n, d) => n * d, 1))
      for (let i = 0; i < offsets.length; i++) {
        const index = at[Math.floor(i / inner) % at.length] ?? 0
        const outer = Math.floor(i / inner / at.length)
        offsets[i] = (outer * length + (index < 0 ? index + length : index)) * inner + (i % inner)
      }
      return [pick(x, dims, offsets)]
    },
  }),

  GatherElements: define({
    inputs: [2, 2],
    attributes: { axis: int(0) },
    normalise: axisNormalised,
    infer: (call) => {
      const { type, shape } = call.input(0)
      checkIndices(call, 1, shape[call.attributes.axis] ?? 1)
      return [{ type, shape: call.rank(1, shape.length).shape }]
    },
    evaluate: ([x, indices], outputs, call) => {
      if (x === undefined || indices === undefined) return undefined
      const dims = staticDims(outputs)
      const strides = stridesOf(x.dims)
      const { axis } = call.attributes
      const at = toNumbers(indices)
      const base = walk(
        dims,
        strides.map((stride, i) => (i === axis ? 0 : stride)),
      )
      const length = x.dims[axis] ?? 1
      return [
        pick(
          x,
          dims,
          base.map((offset, i) => {
            const index = at[i] ?? 0
            return offset + (index < 0 ? index + length : index) * (strides[axis] ?? 1)
          }),
        ),
      ]
    },
  }),

  GatherND: define({
    inputs: [2, 2],
    attributes: { batch_dims: int(0) },
    infer: (call) => {
      const { type, shape } = call.input(0)
      const { batch_dims: batch } = call.attributes
      const tuple = tupleLength(call)
      const indices = call.input(1).shape
      if (batch + tuple > shape.length || batch >= indices.length) {
        call.fail(`${batch} batch axes and indices of ${tuple} numbers do not fit ${showShape(shape)}`)
      }
      if (!mayMatch(shape.slice(0, batch), indices.slice(0, batch))) {
        call.fail('the batch axes of both inputs have to be equal')
      }
      return [{ type, shape: [...indices.slice(0, -1), ...shape.slice(batch + tuple)] }]
    },
  }),

  ScatterElements: define({
    inputs: [3, 3],
    attributes: { axis: int(0), reduction },
    normalise: axisNormalised,
    infer: (call) => {
      const { shape } = call.input(0)
      checkIndices(call, 1, shape[call.attributes.axis] ?? 1)
      const indices = call.rank(1, shape.length).shape
      if (!mayMatch(indices, call.rank(2, shape.length).shape))
        call.fail('indices and updates have to have one shape')
      return [{ type: call.sameType(0, 2), shape }]
    },
  }),

  ScatterND: define({
    inputs: [3, 3],
    attributes: { reduction },
    infer: (call) => {
      const { shape } = call.input(0)
      const tuple = tupleLength(call)
      if (tuple > shape.length) call.fail(`indices of ${tuple} numbers do not fit ${showShape(shape)}`)
      const expected = [...call.input(1).shape.slice(0, -1), ...shape.slice(tuple)]
      if (!mayMatch(expected, call.input(2).shape)) call.fail(`the updates have to be ${showShape(expected)}`)
      return [{ type: call.sameType(0, 2), shape }]
    },
  }),

  OneHot: define({
    inputs: [3, 3],
    attributes: { axis: int(-1) },
    settings: [1, 2],
    normalise: (call) => ({ axis: call.axis(call.attributes.axis, call.input(0).shape.length + 1) }),
    infer: (call) => {
      const { shape } = call.input(0)
      const { axis } = call.attributes
      const [depth = unknown] = call.elements(1) ?? []
      if (!mayEqual(call.rank(2, 1).shape[0] ?? 2, 2)) call.fail('values has to be [off, on]')
      return [{ type: call.input(2).type, shape: [...shape.slice(0, axis), depth, ...shape.slice(axis)] }]
    },
    evaluate: ([indices, , values], outputs, call) => {
      if (indices === undefined || values === undefined) return undefined
      const dims = staticDims(outputs)
      const depth = dims[call.attributes.axis] ?? 1
      const inner = stridesOf(dims)[call.attributes.axis] ?? 1
      const hot = toNumbers(indices)
      const places = Uint32Array.from({ length: size(dims) }, (_, i) => {
        const [row, k] = [Math.floor(i / (inner * depth)), Math.floor(i / inner) % depth]
        const index = hot[row * inner + (i % inner)] ?? 0
        return (index < 0 ? index + depth : index) === k ? 1 : 0
      })
      return [pick(values, dims, places)]
    },
  }),

  NonZero: define({
    inputs: [1, 1],
    attributes: {},
    infer: (call) => {
      const { shape, tensor } = call.input(0)
      const count = tensor === undefined ? unknown : toNumbers(tensor).filter((x) => x !== 0).length
      return [{ type: 'int64', shape: [Math.max(shape.length, 1), count] }]
    },
  }),
}
