import { flag, int, ints } from '../attribute.js'
import { define, type Call, type Typed } from '../definition.js'
import { divide, mayEqual, times, unknown, type Dim } from '../dim.js'
import { type Evaluate, pick, redimensioned, staticDims, stridesOf, walk } from '../fold/evaluate.js'
import { elementCount, sameShape, showShape, type Shape } from '../shape.js'

/** Operators that keep every element and change the axes. */

const evaluate: Evaluate = ([x], outputs) =>
  x === undefined ? undefined : [redimensioned(x, staticDims(outputs))]

const keepsElements = (call: Call): ReadonlyArray<Dim> | undefined => call.input(0).elements

const passesIfSame = (call: Call, { shape }: Typed): number | undefined =>
  sameShape(call.input(0).shape, shape) ? 0 : undefined

const product = (dims: ReadonlyArray<Dim>): Dim => dims.reduce<Dim>(times, 1)

/** The shape a Reshape asks for: 0 copies a length, one −1 (or one unknown length) takes what is left. */
const reshaped = (call: Call, target: ReadonlyArray<Dim>, allowZero: boolean): Shape => {
  const from = call.input(0).shape
  const copied = target.map((dim, i) =>
    dim === 0 && !allowZero ? (from[i] ?? call.fail(`0 at axis ${i} copies an axis that is not there`)) : dim,
  )
  const rest = copied.filter((dim) => dim === -1)
  if (rest.length > 1) call.fail('only one length can be −1')
  if (copied.some((dim) => typeof dim === 'number' && dim < -1)) call.fail('lengths cannot be negative')
  const open = rest.length === 1 ? copied.indexOf(-1) : copied.indexOf(unknown)
  const count = elementCount(from)
  if (open < 0) {
    if (!mayEqual(count, product(copied))) {
      call.fail(`${showShape(from)} has ${count} elements, ${showShape(copied)} has ${product(copied)}`)
    }
    return copied
  }
  const others = copied.filter((_, i) => i !== open)
  const left = others.includes(unknown) ? undefined : divide(count, product(others))
  if (left === undefined && typeof count === 'number' && others.every((dim) => typeof dim === 'number')) {
    call.fail(`${count} elements of ${showShape(from)} do not divide into ${showShape(copied)}`)
  }
  return copied.map((dim, i) => (i === open ? (left ?? unknown) : dim))
}

export const reshapeOperators = {
  Reshape: define({
    inputs: [2, 2],
    attributes: { allowzero: flag(false) },
    settings: [1],
    infer: (call) => {
      const target = call.elements(1) ?? call.fail('the number of axes asked for has to be known')
      const { type } = call.input(0)
      return [{ type, shape: reshaped(call, target, call.attributes.allowzero) }]
    },
    passes: passesIfSame,
    elements: keepsElements,
    evaluate,
  }),

  Flatten: define({
    inputs: [1, 1],
    attributes: { axis: int(1) },
    normalise: (call) => {
      const rank = call.input(0).shape.length
      const { axis } = call.attributes
      // Unlike other axes this one may also be the rank: everything into the rows.
      return { axis: axis === rank ? rank : call.axis(axis, rank) }
    },
    infer: (call) => {
      const { type, shape } = call.input(0)
      const { axis } = call.attributes
      return [{ type, shape: [product(shape.slice(0, axis)), product(shape.slice(axis))] }]
    },
    passes: passesIfSame,
    evaluate,
  }),

  Squeeze: define({
    inputs: [1, 2],
    attributes: {},
    settings: [1],
    infer: (call) => {
      const { type, shape } = call.input(0)
      if (call.inputs[1] === undefined) {
        if (shape.some((dim) => typeof dim === 'string')) {
          call.fail(
            'without axes every length has to be known; name the axes, or bind symbolic dimensions to numbers',
          )
        }
        return [{ type, shape: shape.filter((dim) => dim !== 1) }]
      }
      const axes = call.integers(1).map((axis) => call.axis(axis, shape.length))
      for (const axis of axes) {
        if (!mayEqual(shape[axis] ?? 1, 1)) call.fail(`axis ${axis} is ${String(shape[axis])} long, not 1`)
      }
      return [{ type, shape: shape.filter((_, i) => !axes.includes(i)) }]
    },
    passes: passesIfSame,
    elements: keepsElements,
    evaluate,
  }),

  Unsqueeze: define({
    inputs: [2, 2],
    attributes: {},
    settings: [1],
    infer: (call) => {
      const { type, shape } = call.input(0)
      const given = call.integers(1)
      const rank = shape.length + given.length
      const axes = new Set(given.map((axis) => call.axis(axis, rank)))
      if (axes.size !== given.length) call.fail('an axis is named twice')
      const rest = [...shape]
      return [
        { type, shape: Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.shift() ?? 1))) },
      ]
    },
    passes: passesIfSame,
    elements: keepsElements,
    evaluate,
  }),

  Transpose: define({
    inputs: [1, 1],
    attributes: { perm: ints },
    normalise: (call) => {
      const rank = call.input(0).shape.length
      const { perm } = call.attributes
      const axes = Array.from({ length: rank }, (_, i) => i)
      if (perm.length === 0) return { perm: axes.reverse() }
      if (perm.length !== rank || !axes.every((axis) => perm.includes(axis))) {
        call.fail(`perm [${perm.join(', ')}] has to name each of the ${rank} axes once`)
      }
      return { perm }
    },
    infer: (call) => {
      const { type, shape } = call.input(0)
      return [{ type, shape: call.attributes.perm.map((axis) => shape[axis] ?? 1) }]
    },
    passes: (call) => (call.attributes.perm.every((axis, i) => axis === i) ? 0 : undefined),
    evaluate: ([x], outputs, call) => {
      if (x === undefined) return undefined
      const strides = stridesOf(x.dims)
      const dims = staticDims(outputs)
      return [
        pick(
          x,
          dims,
          walk(
            dims,
            call.attributes.perm.map((axis) => strides[axis] ?? 1),
          ),
        ),
      ]
    },
  }),
}
