import { size } from '../../types/index.js'
import { flag, int, tensor } from '../attribute.js'
import { define } from '../definition.js'
import { unknown, type Dim } from '../dim.js'
import { numbers, toNumbers } from '../element.js'
import { assembled, staticDims, typed } from '../fold/evaluate.js'
import { elementCount } from '../shape.js'

/** Operators whose result depends on shapes or sizes rather than on elements. */

export const generateOperators = {
  Shape: define({
    inputs: [1, 1],
    attributes: { start: int(0), end: int(Number.MAX_SAFE_INTEGER) },
    normalise: (call) => {
      const rank = call.input(0).shape.length
      const clamp = (x: number): number => Math.min(Math.max(x < 0 ? x + rank : x, 0), rank)
      return { start: clamp(call.attributes.start), end: clamp(call.attributes.end) }
    },
    infer: (call) => {
      const { start, end } = call.attributes
      return [{ type: 'int64', shape: [Math.max(0, end - start)] }]
    },
    elements: (call) => call.input(0).shape.slice(call.attributes.start, call.attributes.end),
  }),

  Size: define({
    inputs: [1, 1],
    attributes: {},
    infer: () => [{ type: 'int64', shape: [] }],
    elements: (call) => [elementCount(call.input(0).shape)],
  }),

  ConstantOfShape: define({
    inputs: [1, 1],
    attributes: { value: tensor({ type: 'float32', dims: [1], data: new Float32Array(1) }) },
    settings: [0],
    infer: (call) => {
      const shape = call.elements(0) ?? call.fail('the number of axes asked for has to be known')
      const { value } = call.attributes
      if (value.data.length !== 1) call.fail('value has to have one element')
      return [{ type: value.type, shape }]
    },
    elements: (call, output) => {
      const [length = 1] = output.shape
      const [x = 0] = toNumbers(call.attributes.value)
      return typeof length === 'number' ? new Array<Dim>(length).fill(x) : undefined
    },
    evaluate: (_, outputs, call) => {
      const { value } = call.attributes
      const dims = staticDims(outputs)
      return [
        assembled(value, dims, (write) => {
          for (let i = 0; i < size(dims); i++) write(i, value, 0)
        }),
      ]
    },
  }),

  Range: define({
    inputs: [3, 3],
    attributes: {},
    settings: [0, 1, 2],
    infer: (call) => {
      for (const i of [0, 1, 2]) call.rank(i, 0)
      call.demand(0, numbers)
      const type = call.sameType(0, 1, 2)
      const [start, limit, delta] = [0, 1, 2].map((i) => call.elements(i)?.[0] ?? unknown)
      if (typeof start === 'number' && typeof limit === 'number' && typeof delta === 'number') {
        if (delta === 0) call.fail('delta cannot be 0')
        return [{ type, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }]
      }
      return [{ type, shape: [start === 0 && delta === 1 ? limit : unknown] }]
    },
    evaluate: ([start, , delta], outputs) => {
      const dims = staticDims(outputs)
      const [first = 0] = start === undefined ? [] : toNumbers(start)
      const [step = 1] = delta === undefined ? [] : toNumbers(delta)
      return typed(
        outputs,
        dims,
        Float64Array.from({ length: size(dims) }, (_, i) => first + i * step),
      )
    },
  }),

  Trilu: define({
    inputs: [1, 2],
    attributes: { upper: flag(true) },
    settings: [1],
    infer: (call) => {
      const { type, shape } = call.input(0)
      if (shape.length < 2) call.fail('a matrix, or a batch of matrices, is needed')
      return [{ type, shape }]
    },
    evaluate: ([x], outputs, call) => {
      if (x === undefined) return undefined
      const [diagonal = 0] = call.inputs[1] === undefined ? [0] : call.integers(1)
      const dims = staticDims(outputs)
      const [rows, columns] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1]
      return [
        assembled(x, dims, (write) => {
          for (let i = 0; i < x.data.length; i++) {
            const [row, column] = [Math.floor(i / columns) % rows, i % columns]
            const kept = call.attributes.upper ? column - row >= diagonal : column - row <= diagonal
            if (kept) write(i, x, i)
          }
        }),
      ]
    },
  }),
}
