import {
  add,
  cast,
  div,
  equal,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  and,
  log,
  max,
  mul,
  neg,
  pow,
  scalar,
  sub,
  where,
  type Value,
} from '../../onnx/index.js'
import { toNumbers } from '../../onnx/element.js'
import { product, scaled } from '../broadcast.js'
import { binaryRule, unaryRule, type Rule, type Rules } from '../rule.js'

/** The number a constant with one element holds. */
const numberOf = ({ node }: Value): number | undefined =>
  node.kind === 'constant' && node.tensor.data.length === 1 ? toNumbers(node.tensor)[0] : undefined

const isSigmoidOf = ({ node }: Value, x: Value): boolean => {
  const of = node.kind === 'operator' && node.operator === 'Sigmoid' ? node.inputs[0] : undefined
  return of?.node === x.node && of.output === x.output
}

/** d xᶜ/dx = c xᶜ⁻¹, with products for the small whole exponents, which are many times cheaper than Pow. */
const powerSlope = (x: Value, c: number): Value => {
  if (c === 2) return mul(x, 2)
  if (c === 3) return mul(mul(x, x), 3)
  return mul(pow(x, scalar(c - 1, x.type)), c)
}

/** y = max or min of some tensors. ȳ goes to the one that is chosen, in equal shares where several are (as in JAX). */
const chosen: Rule<'Max' | 'Min'> = (dy, at) => {
  const y = at.output(0)
  const hits = at.inputs.map((_, i) => cast(equal(at.input(i), y), dy.type))
  const count = hits.reduce((sum, hit) => add(sum, hit))
  return hits.map((hit) => product(dy, div(hit, count)))
}

/** A float in another precision; the way there and back is no rounding. */
const recast = (value: Value, type: Value['type']): Value => {
  const { node } = value
  const inner = node.kind === 'operator' && node.operator === 'Cast' ? node.inputs[0] : undefined
  return inner?.type === type ? inner : cast(value, type)
}

/** Arithmetic on several tensors, element by element; broadcasting is undone by the walker. */
export const arithmetic = {
  /** y = a + b.  ā = ȳ, b̄ = ȳ. */
  Add: binaryRule((dy) => [dy, dy]),
  /** y = a − b.  ā = ȳ, b̄ = −ȳ. */
  Sub: binaryRule((dy) => [dy, scaled(dy, -1)]),
  /**
   * y = a·b.  ā = ȳ·b, b̄ = ȳ·a. As one function, y = x·s with s = sigmoid x (SiLU) has x̄ = ȳ (s + y (1 − s)): four passes over the
   * data instead of six.
   */
  Mul: (dy, at) => {
    const [a, b, y] = [at.input(0), at.input(1), at.output(0)]
    const slope = (s: Value): Value => product(dy, add(s, mul(y, sub(1, s))))
    if (isSigmoidOf(b, a) && !at.isSource(1)) return [slope(b)]
    if (isSigmoidOf(a, b) && !at.isSource(0)) return [undefined, slope(a)]
    return [product(dy, b), product(dy, a)]
  },
  /** y = a/b.  ā = ȳ/b, b̄ = −ā·y. */
  Div: binaryRule((dy, _, b, y) => {
    const da = div(dy, b)
    return [da, neg(mul(da, y))]
  }),
  /** y = a mod b = a − b·⌊a/b⌋ (cut towards zero with fmod).  ā = ȳ, b̄ = ȳ (y − a)/b. */
  Mod: binaryRule((dy, a, b, y) => [dy, product(dy, div(sub(y, a), b))]),
  /** y = aᵇ.  ā = ȳ·b·aᵇ⁻¹;  b̄ = ȳ·y·log a, taken as 0 where a ≤ 0, as PyTorch does at 0. */
  Pow: (dy, at) => {
    const [a, b, y] = [at.input(0), at.input(1), at.output(0)]
    const exponent = numberOf(b)
    if (exponent !== undefined) return [product(dy, powerSlope(a, exponent))]
    const power = cast(b, a.type)
    const positive = greater(a, 0)
    return [
      product(dy, mul(power, pow(a, sub(power, 1)))),
      at.wants(1)
        ? product(dy, mul(y, where(positive, log(where(positive, a, scalar(1, a.type))), scalar(0, a.type))))
        : undefined,
    ]
  },
  Max: chosen,
  Min: chosen,
  /** y = Σ xᵢ.  x̄ᵢ = ȳ. */
  Sum: (dy, at) => at.inputs.map(() => dy),
  /** y = Σ xᵢ / n.  x̄ᵢ = ȳ/n. */
  Mean: (dy, at) => at.inputs.map(() => scaled(dy, 1 / at.inputs.length)),
  /** y = min(max(x, low), high).  x̄ = ȳ where low ≤ x ≤ high; a bound gets ȳ where it is what is seen. */
  Clip: (dy, at) => {
    const [x, zero] = [at.input(0), scalar(0, dy.type)]
    const [, low, high] = at.inputs
    const above = low === undefined ? undefined : greaterOrEqual(x, low)
    const below = high === undefined ? undefined : lessOrEqual(x, high)
    const inside = above === undefined || below === undefined ? (above ?? below) : and(above, below)
    return [
      inside === undefined ? dy : where(inside, dy, zero),
      low === undefined
        ? undefined
        : where(high === undefined ? less(x, low) : and(less(x, low), less(low, high)), dy, zero),
      high === undefined
        ? undefined
        : where(low === undefined ? greater(x, high) : greater(max(x, low), high), dy, zero),
    ]
  },
  /** y = a where the condition holds, b elsewhere.  ā = ȳ there, b̄ = ȳ elsewhere. */
  Where: (dy, at) => {
    const [condition, zero] = [at.input(0), scalar(0, dy.type)]
    return [undefined, where(condition, dy, zero), where(condition, zero, dy)]
  },
  /** y = x in another element type.  x̄ = ȳ in x's. */
  Cast: unaryRule((dy, x) => recast(dy, x.type)),
  /** y = x. */
  Identity: unaryRule((dy) => dy),

  And: 'flat',
  Equal: 'flat',
  Greater: 'flat',
  GreaterOrEqual: 'flat',
  Less: 'flat',
  LessOrEqual: 'flat',
  Or: 'flat',
  Xor: 'flat',
} satisfies Partial<Rules>
