import { int, requiredInt } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { floorDivide, mayEqual, plus, times, unknown, type Dim } from '../dim.js'
import { assembled, broadcastStrides, pick, staticDims, stridesOf, walk } from '../fold/evaluate.js'
import { broadcast, sameShape, showShape, type Shape } from '../shape.js'

/** Operators that put tensors together, take them apart, or repeat and cut them. */

/** Sizes of the parts of a Split: those of input 1, or `outputs` equal ones, the last one shorter. */
const splitSizes = (call: Call, length: Dim): ReadonlyArray<Dim> => {
  if (call.inputs[1] !== undefined) return call.integers(1)
  const each =
    typeof length === 'number' ? Math.ceil(length / call.outputs) : floorDivide(length, call.outputs)
  if (typeof length === 'number' && typeof each === 'number' && each * (call.outputs - 1) >= length) {
    call.fail(`${length} elements of the axis are too few for ${call.outputs} outputs of ${each}`)
  }
  return Array.from({ length: call.outputs }, (_, i) =>
    typeof length === 'number' && typeof each === 'number' ? Math.min(each, length - i * each) : each,
  )
}

export const assembleOperators = {
  Concat: define({
    inputs: [1, Infinity],
    attributes: { axis: requiredInt },
    normalise: (call) => ({ axis: call.axis(call.attributes.axis, call.input(0).shape.length) }),
    infer: (call) => {
      const { axis } = call.attributes
      const shape = call.inputs.reduce<Shape>(
        (joined, x) => {
          const next = x?.shape ?? []
          const fits =
            joined.length === next.length &&
            joined.every((dim, i) => i === axis || mayEqual(dim, next[i] ?? 1))
          if (!fits) call.fail(`all shapes have to be equal but for axis ${axis}`)
          return joined.map((dim, i) =>
            i === axis ? plus(dim, next[i] ?? 0) : typeof dim === 'number' ? dim : (next[i] ?? dim),
          )
        },
        call.input(0).shape.map((dim, i) => (i === axis ? 0 : dim)),
      )
      return [{ type: call.sameType(...call.inputs.keys()), shape }]
    },
    passes: (call) => (call.inputs.length === 1 ? 0 : undefined),
    elements: (call) =>
      call.inputs.flatMap((x) => {
        const [length = 0] = x?.shape ?? []
        return x?.elements ?? new Array<Dim>(typeof length === 'number' ? length : 0).fill(unknown)
      }),
    evaluate: (inputs, outputs, call) => {
      const [like] = inputs
      if (like === undefined) return undefined
      const dims = staticDims(outputs)
      const strides = stridesOf(dims)
      let start = 0
      return [
        assembled(like, dims, (write) => {
          for (const x of inputs) {
            if (x === undefined) continue
            walk(x.dims, strides, start).forEach((at, i) => {
              write(at, x, i)
            })
            start += (x.dims[call.attributes.axis] ?? 0) * (strides[call.attributes.axis] ?? 1)
          }
        }),
      ]
    },
  }),

  Split: define({
    inputs: [1, 2],
    outputs: [1, Infinity],
    /** `num_outputs` is what ONNX needs where no sizes are given: 0 where they are. */
    attributes: { axis: int(0), num_outputs: int(0) },
    settings: [1],
    normalise: (call) => ({
      axis: call.axis(call.attributes.axis, call.input(0).shape.length),
      num_outputs: call.inputs[1] === undefined ? call.outputs : 0,
    }),
    infer: (call) => {
      const { type, shape } = call.input(0)
      const { axis } = call.attributes
      const sizes = splitSizes(call, shape[axis] ?? 1)
      const sum = sizes.reduce(plus, 0)
      if (sizes.length !== call.outputs) call.fail(`${sizes.length} sizes for ${call.outputs} outputs`)
      if (!mayEqual(sum, shape[axis] ?? 1))
        call.fail(`the sizes add up to ${sum}, axis ${axis} has ${String(shape[axis])}`)
      return sizes.map((length) => ({ type, shape: shape.map((dim, i) => (i === axis ? length : dim)) }))
    },
    evaluate: ([x], outputs, call) => {
      if (x === undefined) return undefined
      const strides = stridesOf(x.dims)
      let start = 0
      return outputs.map((output) => {
        const dims = staticDims([output])
        const part = pick(x, dims, walk(dims, strides, start))
        start += (dims[call.attributes.axis] ?? 0) * (strides[call.attributes.axis] ?? 1)
        return part
      })
    },
  }),

  Expand: define({
    inputs: [2, 2],
    attributes: {},
    settings: [1],
    infer: (call) => {
      const { type, shape } = call.input(0)
      const target = call.elements(1) ?? call.fail('the number of axes asked for has to be known')
      const result =
        broadcast(shape, target) ??
        call.fail(`${showShape(shape)} does not broadcast to ${showShape(target)}`)
      return [{ type, shape: result }]
    },
    passes: (call, { shape }) => (sameShape(call.input(0).shape, shape) ? 0 : undefined),
    elements: (call, output) => {
      const [length] = output.shape
      const elements = call.input(0).elements
      return typeof length !== 'number' || elements === undefined
        ? undefined
        : Array.from({ length }, (_, i) => elements[elements.length === 1 ? 0 : i] ?? unknown)
    },
    evaluate: ([x], outputs) => {
      const dims = staticDims(outputs)
      return x === undefined ? undefined : [pick(x, dims, walk(dims, broadcastStrides(x.dims, dims)))]
    },
  }),

  Tile: define({
    inputs: [2, 2],
    attributes: {},
    settings: [1],
    infer: (call) => {
      const { type, shape } = call.input(0)
      const repeats = call.elements(1) ?? shape.map(() => unknown)
      if (repeats.length !== shape.length)
        call.fail(`${shape.length} repeats are needed, not ${repeats.length}`)
      return [{ type, shape: shape.map((dim, i) => times(dim, repeats[i] ?? 1)) }]
    },
    passes: (call) => (call.elements(1)?.every((repeat) => repeat === 1) === true ? 0 : undefined),
    evaluate: ([x], outputs) => {
      if (x === undefined) return undefined
      const dims = staticDims(outputs)
      const strides = stridesOf(x.dims)
      // Index i of the result reads index i mod length.
      const split = x.dims.flatMap((length, i) => [(dims[i] ?? 0) / Math.max(length, 1), length])
      return [
        pick(
          x,
          dims,
          walk(
            split,
            strides.flatMap((stride) => [0, stride]),
          ),
        ),
      ]
    },
  }),
}
