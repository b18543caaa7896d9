import * as O from '../../../lib/onnx/index.js'
import type { Draw } from './draw.js'

const unary =
  (f: (x: O.Value) => O.Value, low = -3, high = 3) =>
  (d: Draw): ReadonlyArray<O.Value> => [f(d.tensor(d.shape(), low, high))]

const binary =
  (
    f: (a: O.Value, b: O.Value) => O.Value,
    types: ReadonlyArray<'float32' | 'int64' | 'int32'> = ['float32', 'int64', 'int32'],
    low = -3,
  ) =>
  (d: Draw): ReadonlyArray<O.Value> => {
    const type = d.pick(types)
    const shape = d.shape()
    const [a, b] = d.shuffled([shape, d.partner(shape)])
    return [f(d.tensor(a, low, 3, type), d.tensor(b, low, 3, type))]
  }

const logical =
  (f: (a: O.Value, b: O.Value) => O.Value) =>
  (d: Draw): ReadonlyArray<O.Value> => {
    const shape = d.shape()
    return [f(d.tensor(shape, 0, 1, 'bool'), d.tensor(d.partner(shape), 0, 1, 'bool'))]
  }

const several =
  (f: (xs: ReadonlyArray<O.Value>) => O.Value) =>
  (d: Draw): ReadonlyArray<O.Value> => {
    const shape = d.shape()
    return [f([d.tensor(shape), d.tensor(d.partner(shape)), d.tensor(d.partner(shape))])]
  }

/** Random calls of the operators that work element by element. */
export const pointwiseSamples = {
  Abs: unary(O.abs),
  Acos: unary(O.acos, -1, 1),
  Asin: unary(O.asin, -1, 1),
  Atan: unary(O.atan),
  Ceil: unary(O.ceil),
  Cos: unary(O.cos),
  Cosh: unary(O.cosh),
  Elu: (d: Draw) => [O.elu(d.tensor(d.shape()), { alpha: d.uniform() })],
  Erf: unary(O.erf),
  Exp: unary(O.exp),
  Floor: unary(O.floor),
  Gelu: (d: Draw) => [O.gelu(d.tensor(d.shape()), { approximate: d.pick(['none', 'tanh']) })],
  HardSigmoid: (d: Draw) => [O.hardSigmoid(d.tensor(d.shape()), { alpha: d.uniform(), beta: d.uniform() })],
  HardSwish: unary(O.hardSwish, -5, 5),
  Identity: unary(O.identity),
  IsNaN: unary(O.isNaN),
  LeakyRelu: (d: Draw) => [O.leakyRelu(d.tensor(d.shape()), { alpha: d.uniform() })],
  Log: unary(O.log, 0.1, 3),
  Mish: unary(O.mish),
  Neg: unary(O.neg),
  Not: (d: Draw) => [O.not(d.tensor(d.shape(), 0, 1, 'bool'))],
  Reciprocal: unary(O.reciprocal, 0.2, 3),
  Relu: unary(O.relu),
  Round: unary((x) => O.round(O.div(O.round(O.mul(x, 4)), 2))),
  Selu: unary((x) => O.selu(x)),
  Sigmoid: unary(O.sigmoid),
  Sign: unary(O.sign),
  Sin: unary(O.sin),
  Sinh: unary(O.sinh),
  Softplus: unary(O.softplus, -30, 30),
  Softsign: unary(O.softsign),
  Sqrt: unary(O.sqrt, 0, 3),
  StopGradient: unary(O.stopGradient),
  Tan: unary(O.tan, -1.2, 1.2),
  Tanh: unary(O.tanh),
  Cast: (d: Draw) => [
    O.cast(
      d.tensor(d.shape(), -3, 3, d.pick(['float32', 'int64', 'int32'])),
      d.pick(['float32', 'int64', 'bool', 'float64', 'float16']),
    ),
  ],

  Add: binary(O.add),
  Sub: binary(O.sub),
  Mul: binary(O.mul),
  Div: (d: Draw) => {
    const shape = d.shape()
    const type = d.pick(['float32', 'int64'] as const)
    return [O.div(d.tensor(shape, -9, 9, type), d.tensor(d.partner(shape), 1, 3, type))]
  },
  Pow: (d: Draw) => {
    const shape = d.shape()
    return [O.pow(d.tensor(shape, 0.1, 2), d.tensor(d.partner(shape), -2, 2, d.pick(['float32', 'int64'])))]
  },
  Mod: (d: Draw) => {
    const shape = d.shape()
    const type = d.pick(['float32', 'int64'] as const)
    return [O.mod(d.tensor(shape, -9, 9, type), d.tensor(d.partner(shape), 1, 3, type))]
  },
  Max: binary(O.max),
  Min: binary(O.min),
  Sum: several(O.sum),
  Mean: several(O.mean),
  Equal: binary(O.equal),
  Less: binary(O.less),
  LessOrEqual: binary(O.lessOrEqual),
  Greater: binary(O.greater),
  GreaterOrEqual: binary(O.greaterOrEqual),
  And: logical(O.and),
  Or: logical(O.or),
  Xor: logical(O.xor),
  PRelu: (d: Draw) => {
    const shape = d.shape(1)
    return [O.prelu(d.tensor(shape), d.tensor(d.partner(shape)))]
  },
  Clip: (d: Draw) => [
    O.clip(d.tensor(d.shape()), d.boolean() ? -1 : undefined, d.boolean() ? d.tensor([], 0, 2) : undefined),
  ],
  Where: (d: Draw) => {
    const shape = d.shape()
    const type = d.pick(['float32', 'int64'] as const)
    const [a, b, c] = d.shuffled([shape, d.partner(shape), d.partner(shape)])
    return [O.where(d.tensor(a, 0, 1, 'bool'), d.tensor(b, -3, 3, type), d.tensor(c, -3, 3, type))]
  },
}
