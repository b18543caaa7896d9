import type { ElementType } from '../../types/index.js'
import { choice, float, requiredType, type Attributes, type Resolved } from '../attribute.js'
import { define, type Call, type Definition, type Typed } from '../definition.js'
import { floats, isFloat, isInteger, numbers, toNumbers } from '../element.js'
import { times } from '../dim.js'
import { elementwise, staticDims, typed } from '../fold/evaluate.js'
import { erf, roundHalfEven, sigmoid, softplus } from '../fold/special.js'
import { symbolically, type Plain } from './broadcasting.js'

/** Operators of one tensor, element by element. */

const same =
  (types: ReadonlyArray<ElementType>) =>
  (call: Call): ReadonlyArray<Typed> => {
    const { type, shape } = call.demand(0, types)
    return [{ type, shape }]
  }

const signed: ReadonlyArray<ElementType> = numbers.filter((type) => !type.startsWith('uint'))

const unary = (types: ReadonlyArray<ElementType>, f: (x: number) => number): Plain =>
  define({ inputs: [1, 1], attributes: {}, infer: same(types), evaluate: elementwise((x = 0) => f(x)) })

/** A function with parameters, of floats. */
const family = <const A extends Attributes>(
  attributes: A,
  f: (parameters: Resolved<A>) => (x: number) => number,
): Definition<A> => ({
  inputs: [1, 1],
  attributes,
  infer: same(floats),
  evaluate: (inputs, outputs, call) => {
    const g = f(call.attributes)
    return elementwise((x = 0) => g(x))(inputs, outputs)
  },
})

/** A boolean for every element. */
const test = (types: ReadonlyArray<ElementType>, f: (x: number) => boolean): Plain =>
  define({
    inputs: [1, 1],
    attributes: {},
    infer: (call) => [{ type: 'bool', shape: call.demand(0, types).shape }],
    evaluate: elementwise((x = 0) => Number(f(x))),
  })

/** The value itself; `StopGradient` is deriva's own marker and is exported as nothing at all. */
const itself: Plain = define({
  inputs: [1, 1],
  attributes: {},
  infer: (call) => [{ type: call.input(0).type, shape: call.input(0).shape }],
  elements: (call) => call.input(0).elements,
  evaluate: ([x]) => (x === undefined ? undefined : [x]),
})

export const unaryOperators = {
  Abs: unary(numbers, Math.abs),
  Acos: unary(floats, Math.acos),
  Asin: unary(floats, Math.asin),
  Atan: unary(floats, Math.atan),
  Ceil: unary(floats, Math.ceil),
  Cos: unary(floats, Math.cos),
  Cosh: unary(floats, Math.cosh),
  Elu: family(
    { alpha: float(1) },
    ({ alpha }) =>
      (x) =>
        x < 0 ? alpha * Math.expm1(x) : x,
  ),
  Erf: unary(numbers, erf),
  Exp: unary(floats, Math.exp),
  Floor: unary(floats, Math.floor),
  Gelu: family({ approximate: choice(['none', 'tanh']) }, ({ approximate }) =>
    approximate === 'none'
      ? (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))
      : (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  ),
  HardSigmoid: family(
    { alpha: float(0.2), beta: float(0.5) },
    ({ alpha, beta }) =>
      (x) =>
        Math.min(Math.max(alpha * x + beta, 0), 1),
  ),
  HardSwish: unary(floats, (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1)),
  Identity: itself,
  IsNaN: test(floats, Number.isNaN),
  LeakyRelu: family(
    { alpha: float(0.01) },
    ({ alpha }) =>
      (x) =>
        x < 0 ? alpha * x : x,
  ),
  Log: unary(floats, Math.log),
  Mish: unary(floats, (x) => x * Math.tanh(softplus(x))),
  Neg: define({ ...unary(signed, (x) => -x), elements: symbolically((x = 0) => times(-1, x)) }),
  Not: test(['bool'], (x) => x === 0),
  Reciprocal: unary(floats, (x) => 1 / x),
  Relu: unary(signed, (x) => Math.max(x, 0)),
  Round: unary(floats, roundHalfEven),
  Selu: family(
    { alpha: float(1.6732631921768188), gamma: float(1.0507010221481323) },
    ({ alpha, gamma }) =>
      (x) =>
        gamma * (x > 0 ? x : alpha * Math.expm1(x)),
  ),
  Sigmoid: unary(floats, sigmoid),
  Sign: unary(numbers, Math.sign),
  Sin: unary(floats, Math.sin),
  Sinh: unary(floats, Math.sinh),
  Softplus: unary(floats, softplus),
  Softsign: unary(floats, (x) => x / (1 + Math.abs(x))),
  Sqrt: unary(floats, Math.sqrt),
  StopGradient: itself,
  Tan: unary(floats, Math.tan),
  Tanh: unary(floats, Math.tanh),

  Cast: define({
    inputs: [1, 1],
    attributes: { to: requiredType },
    infer: (call) => [{ type: call.attributes.to, shape: call.input(0).shape }],
    elements: (call) => (isFloat(call.input(0).type) ? undefined : call.input(0).elements),
    passes: (call) => (call.input(0).type === call.attributes.to ? 0 : undefined),
    evaluate: ([x], outputs, call) => {
      if (x === undefined) return undefined
      const values = toNumbers(x)
      // What a float outside the integer's range becomes differs between runtimes: leave it to the one that runs.
      const integral = isInteger(call.attributes.to) && isFloat(x.type)
      return integral && values.some((v) => !(Math.abs(v) < 2 ** 31))
        ? undefined
        : typed(outputs, staticDims(outputs), values)
    },
  }),
}
