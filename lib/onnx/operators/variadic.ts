import type { ElementType } from '../../types/index.js'
import { flag } from '../attribute.js'
import { define, type Call, type Typed } from '../definition.js'
import { floats, isFloat, isInteger, numbers, toNumbers } from '../element.js'
import { divide, minus, plus, sameDim, times, unknown, type Dim } from '../dim.js'
import { elementwise } from '../fold/evaluate.js'
import { sameShape, showShape } from '../shape.js'
import { broadcastInputs, symbolically, type Plain } from './broadcasting.js'

/** Operators of several tensors, element by element, broadcast to one shape. */

const everyInput = (call: Call): ReadonlyArray<number> => call.inputs.map((_, i) => i)

const inferSame =
  (types: ReadonlyArray<ElementType>) =>
  (call: Call): ReadonlyArray<Typed> => {
    for (const i of everyInput(call)) call.demand(i, types)
    return [{ type: call.sameType(...everyInput(call)), shape: broadcastInputs(call, ...everyInput(call)) }]
  }

const arithmetic = (f: (a: number, b: number) => number, symbolic?: (a: Dim, b: Dim) => Dim): Plain =>
  define({
    inputs: [2, 2],
    attributes: {},
    infer: inferSame(numbers),
    evaluate: elementwise((a = 0, b = 0) => f(a, b)),
    ...(symbolic === undefined ? {} : { elements: symbolically((a = 0, b = 0) => symbolic(a, b)) }),
  })

/** `pointwise` of any number of tensors, folded from the left. */
const variadic = (types: ReadonlyArray<ElementType>, f: (xs: ReadonlyArray<number>) => number): Plain =>
  define({
    inputs: [1, Infinity],
    attributes: {},
    infer: inferSame(types),
    evaluate: elementwise((...xs) => f(xs)),
    passes: (call) => (call.inputs.length === 1 ? 0 : undefined),
  })

const compare = (
  types: ReadonlyArray<ElementType>,
  f: (a: number, b: number) => boolean,
  symbolic?: (a: Dim, b: Dim) => Dim,
): Plain =>
  define({
    inputs: [2, 2],
    attributes: {},
    infer: (call) => [{ ...inferSame(types)(call)[0], type: 'bool', shape: broadcastInputs(call, 0, 1) }],
    evaluate: elementwise((a = 0, b = 0) => Number(f(a, b))),
    ...(symbolic === undefined ? {} : { elements: symbolically((a = 0, b = 0) => symbolic(a, b)) }),
  })

/** Lengths are never negative, so a symbol equals no negative number: how exporters write "−1 means keep". */
const equalDims = (a: Dim, b: Dim): Dim => {
  if (typeof a === 'number' && typeof b === 'number') return Number(a === b)
  if (sameDim(a, b)) return 1
  const [symbol, number] = typeof a === 'string' ? [a, b] : [b, a]
  const positive = typeof symbol === 'string' && symbol !== unknown && !symbol.includes('-')
  return positive && typeof number === 'number' && number < 0 ? 0 : unknown
}

/** ONNX divides integers with truncation, as C does. */
const divideDims = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' && b !== 0 ? Math.trunc(a / b) : (divide(a, b) ?? unknown)

export const variadicOperators = {
  Add: arithmetic((a, b) => a + b, plus),
  Sub: arithmetic((a, b) => a - b, minus),
  Mul: arithmetic((a, b) => a * b, times),
  Div: define({
    ...arithmetic((a, b) => a / b, divideDims),
    evaluate: (inputs, outputs, call) => {
      const integer = isInteger(call.input(0).type)
      // Division of an integer by zero is for the runtime to refuse.
      if (integer && inputs[1] !== undefined && toNumbers(inputs[1]).includes(0)) return undefined
      return elementwise((a = 0, b = 0) => (integer ? Math.trunc(a / b) : a / b))(inputs, outputs)
    },
  }),
  Pow: define({
    inputs: [2, 2],
    attributes: {},
    infer: (call) => {
      call.demand(1, numbers)
      return [{ type: call.demand(0, numbers).type, shape: broadcastInputs(call, 0, 1) }]
    },
    evaluate: elementwise((a = 0, b = 0) => a ** b),
  }),
  Mod: define({
    inputs: [2, 2],
    attributes: { fmod: flag(false) },
    infer: (call) => {
      const result = inferSame(numbers)(call)
      if (isFloat(call.input(0).type) && !call.attributes.fmod) call.fail('floats need fmod = 1')
      return result
    },
    evaluate: (inputs, outputs, { attributes: { fmod } }) =>
      inputs[1] !== undefined && toNumbers(inputs[1]).includes(0)
        ? undefined
        : elementwise((a = 0, b = 1) => (fmod ? a % b : a - b * Math.floor(a / b)))(inputs, outputs),
  }),
  Max: variadic(numbers, (xs) => Math.max(...xs)),
  Min: variadic(numbers, (xs) => Math.min(...xs)),
  Sum: variadic(floats, (xs) => xs.reduce((a, b) => a + b, 0)),
  Mean: variadic(floats, (xs) => xs.reduce((a, b) => a + b, 0) / xs.length),

  Equal: compare([...numbers, 'bool'], (a, b) => a === b, equalDims),
  Less: compare(numbers, (a, b) => a < b),
  LessOrEqual: compare(numbers, (a, b) => a <= b),
  Greater: compare(numbers, (a, b) => a > b),
  GreaterOrEqual: compare(numbers, (a, b) => a >= b),
  And: compare(['bool'], (a, b) => a !== 0 && b !== 0),
  Or: compare(['bool'], (a, b) => a !== 0 || b !== 0),
  Xor: compare(['bool'], (a, b) => a !== b),

  PRelu: define({
    inputs: [2, 2],
    attributes: {},
    infer: (call) => {
      const [x, slope] = [call.input(0), call.input(1)]
      const shape = broadcastInputs(call, 0, 1)
      if (shape.length > x.shape.length || (!sameShape(shape, x.shape) && !shape.includes(unknown))) {
        call.fail(`the slope ${showShape(slope.shape)} has to broadcast to ${showShape(x.shape)}`)
      }
      return [{ type: call.sameType(0, 1), shape: x.shape }]
    },
    evaluate: elementwise((x = 0, slope = 0) => (x < 0 ? slope * x : x)),
  }),
  Clip: define({
    inputs: [1, 3],
    attributes: {},
    settings: [1, 2],
    infer: (call) => {
      const { shape } = call.demand(0, numbers)
      for (const i of [1, 2]) if (call.inputs[i] !== undefined) call.rank(i, 0)
      return [{ type: call.sameType(0, 1, 2), shape }]
    },
    passes: (call) => (call.inputs[1] === undefined && call.inputs[2] === undefined ? 0 : undefined),
    evaluate: ([x, low, high], outputs) => {
      const [min = -Infinity] = low === undefined ? [] : toNumbers(low)
      const [max = Infinity] = high === undefined ? [] : toNumbers(high)
      return elementwise((v = 0) => Math.min(Math.max(v, min), max))([x], outputs)
    },
  }),
  Where: define({
    inputs: [3, 3],
    attributes: {},
    infer: (call) => {
      call.demand(0, ['bool'])
      return [{ type: call.sameType(1, 2), shape: broadcastInputs(call, 0, 1, 2) }]
    },
    elements: symbolically((condition = unknown, a = unknown, b = unknown) =>
      typeof condition !== 'number' ? (sameDim(a, b) ? a : unknown) : condition === 0 ? b : a,
    ),
    evaluate: elementwise((condition = 0, a = 0, b = 0) => (condition === 0 ? b : a)),
  }),
}
