import {
  cast,
  div,
  equal,
  exp,
  expand,
  mul,
  sameShape,
  sign,
  sub,
  where,
  scalar,
  reduceProd,
  reduceSum,
  type Value,
} from '../../onnx/index.js'
import { size } from '../../types/index.js'
import type { Application } from '../application.js'
import { product, scaled, sumTo } from '../broadcast.js'
import { dims, integers } from '../known.js'
import { reshaped } from '../reshaped.js'
import { unaryRule, type Rule, type Rules } from '../rule.js'

type Reduction =
  | 'ReduceL1'
  | 'ReduceL2'
  | 'ReduceLogSum'
  | 'ReduceLogSumExp'
  | 'ReduceMax'
  | 'ReduceMean'
  | 'ReduceMin'
  | 'ReduceProd'
  | 'ReduceSum'
  | 'ReduceSumSquare'

/** x's shape with the reduced axes of length 1. */
const keptShape = (at: Application<Reduction>): ReadonlyArray<number> => {
  const shape = dims(at.input(0))
  const given =
    at.inputs[1] === undefined
      ? []
      : integers(at.input(1)).map((axis) => (axis < 0 ? axis + shape.length : axis))
  const all = given.length === 0 && !at.attributes.noop_with_empty_axes
  return shape.map((length, axis) => (all || given.includes(axis) ? 1 : length))
}

/** A rule that sees ȳ and y with the reduced axes kept, so that they broadcast against x. */
const reduction =
  <O extends Reduction>(
    vjp: (dy: Value, x: Value, y: Value, kept: ReadonlyArray<number>) => Value,
  ): Rule<O> =>
  (dy, at) => {
    const kept = keptShape(at)
    const shaped = (value: Value): Value => (sameShape(value.shape, kept) ? value : reshaped(value, kept))
    return [vjp(shaped(dy), at.input(0), shaped(at.output(0)), kept)]
  }

/** The extreme elements share ȳ equally, as in PyTorch's amax. */
const extreme = (dy: Value, x: Value, y: Value, kept: ReadonlyArray<number>): Value => {
  const hits = cast(equal(x, y), dy.type)
  return product(div(dy, sumTo(hits, kept)), hits)
}

/**
 * y = Π xᵢ.  x̄ᵢ = ȳ·Π of the others: y/xᵢ, but where the only zero is xᵢ itself the product of what is not zero, and 0 where there is
 * another zero.
 */
const productOfOthers: Rule<'ReduceProd'> = (dy, at) => {
  const kept = keptShape(at)
  const x = at.input(0)
  const [zero, one] = [scalar(0, x.type), scalar(1, x.type)]
  const isZero = equal(x, zero)
  const filled = where(isZero, one, x)
  const axes = kept.flatMap((length, axis) => (length === 1 ? [axis] : []))
  const nonzero = axes.length === 0 ? filled : reduceProd(filled, axes, true)
  const count = sumTo(cast(isZero, x.type), kept)
  const others = where(equal(count, cast(isZero, x.type)), div(nonzero, filled), zero)
  return [product(reshaped(dy, kept), others)]
}

/** Operators that combine the elements along some axes. ȳ and y are broadcast back along them. */
export const reducing = {
  /** y = Σ|x|.  x̄ = ȳ sign x. */
  ReduceL1: reduction((dy, x) => product(dy, sign(x))),
  /** y = √Σx².  x̄ = ȳ x/y, and 0 where y = 0. */
  ReduceL2: reduction((dy, x, y) => {
    const none = equal(y, 0)
    const inverse = where(none, scalar(0, y.type), div(dy, where(none, scalar(1, y.type), y)))
    return product(inverse, x)
  }),
  /** y = log Σx.  x̄ = ȳ / Σx = ȳ e⁻ʸ. */
  ReduceLogSum: reduction((dy, x, y) => expand(div(dy, exp(y)), dims(x))),
  /** y = log Σeˣ.  x̄ = ȳ eˣ⁻ʸ. */
  ReduceLogSumExp: reduction((dy, x, y) => product(dy, exp(sub(x, y)))),
  ReduceMax: reduction(extreme),
  /** y = Σx / n.  x̄ = ȳ/n. */
  ReduceMean: reduction((dy, x, _, kept) => expand(scaled(dy, size(kept) / size(dims(x))), dims(x))),
  ReduceMin: reduction(extreme),
  ReduceProd: productOfOthers,
  /** y = Σx.  x̄ = ȳ. */
  ReduceSum: reduction((dy, x) => expand(dy, dims(x))),
  /** y = Σx².  x̄ = 2ȳx. */
  ReduceSumSquare: reduction((dy, x) => product(scaled(dy, 2), x)),

  /** y = eˣ / Σeˣ.  x̄ = y (ȳ − Σ ȳy). */
  Softmax: unaryRule((dy, _, y, { axis }) => product(y, sub(dy, reduceSum(product(dy, y), [axis], true)))),
  /** y = x − log Σeˣ.  x̄ = ȳ − eʸ Σȳ. */
  LogSoftmax: unaryRule((dy, _, y, { axis }) => sub(dy, mul(exp(y), reduceSum(dy, [axis], true)))),

  ArgMax: 'flat',
  ArgMin: 'flat',
} satisfies Partial<Rules>
