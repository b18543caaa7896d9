import {
  abs,
  add,
  and,
  div,
  erf,
  exp,
  greater,
  less,
  mul,
  scalar,
  sigmoid,
  softplus,
  sub,
  tanh,
  where,
  type Value,
} from '../../onnx/index.js'
import { product, scaled } from '../broadcast.js'
import { binaryRule, unaryRule, type Rules } from '../rule.js'

/** dy where the condition holds, a multiple of it elsewhere (0 by default). */
const only = (condition: Value, dy: Value, otherwise = 0): Value =>
  where(condition, dy, otherwise === 0 ? scalar(0, dy.type) : scaled(dy, otherwise))

/** dy where x > 0 and dy·slope where not. The slope at 0 itself is the one on the left, as in PyTorch. */
const rectified = (dy: Value, x: Value, slope: Value): Value =>
  product(dy, where(greater(x, 0), scalar(1, x.type), slope))

/** Activation functions, element by element. x̄ stands for d loss / d x. */
export const activation = {
  /** y = x for x > 0, α(eˣ − 1) elsewhere.  x̄ = ȳ, or ȳ (y + α). */
  Elu: unaryRule((dy, x, y, { alpha }) => rectified(dy, x, add(y, alpha))),
  /**
   * y = x Φ(x).  x̄ = ȳ (Φ(x) + x φ(x)), with the normal distribution's Φ(x) = (1 + erf(x/√2))/2 and φ(x) = exp(−x²/2)/√(2π).
   * The tanh form (Hendrycks & Gimpel 2016, arXiv 1606.08415): y = x (1 + t)/2 with t = tanh u, u = c(x + 0.044715 x³), c = √(2/π);
   * x̄ = ȳ ((1 + t)/2 + x (1 − t²)/2 · du/dx).
   */
  Gelu: unaryRule((dy, x, _, { approximate }) => {
    if (approximate === 'none') {
      const cdf = add(mul(erf(mul(x, Math.SQRT1_2)), 0.5), 0.5)
      const pdf = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
      return product(dy, add(cdf, mul(x, pdf)))
    }
    const c = Math.sqrt(2 / Math.PI)
    const square = mul(x, x)
    const t = tanh(mul(x, add(mul(square, 0.044715 * c), c)))
    const slope = add(mul(square, 3 * 0.044715 * c), c)
    return product(scaled(dy, 0.5), add(add(t, 1), mul(mul(x, slope), sub(1, mul(t, t)))))
  }),
  /** y = min(max(αx + β, 0), 1).  x̄ = αȳ where 0 < y < 1. */
  HardSigmoid: unaryRule((dy, _, y, { alpha }) => only(and(greater(y, 0), less(y, 1)), scaled(dy, alpha))),
  /** y = x h(x), h = min(max(x/6 + 1/2, 0), 1).  x̄ = 0 for x ≤ −3, ȳ for x ≥ 3, ȳ (x/3 + 1/2) between. */
  HardSwish: unaryRule((dy, x) => {
    const slope = where(less(x, 3), add(mul(x, 1 / 3), 0.5), scalar(1, x.type))
    return only(greater(x, -3), product(dy, slope))
  }),
  /** y = x for x > 0, αx elsewhere.  x̄ = ȳ, or αȳ. */
  LeakyRelu: unaryRule((dy, x, _, { alpha }) => only(greater(x, 0), dy, alpha)),
  /** y = x t with t = tanh(softplus x).  x̄ = ȳ (t + x (1 − t²) sigmoid x). */
  Mish: unaryRule((dy, x) => {
    const t = tanh(softplus(x))
    return product(dy, add(t, mul(mul(x, sub(1, mul(t, t))), sigmoid(x))))
  }),
  /** y = x for x > 0, s·x elsewhere.  x̄ = ȳ, or s·ȳ;  s̄ = 0, or x·ȳ. */
  PRelu: binaryRule((dy, x, slope) => [
    rectified(dy, x, slope),
    product(dy, where(greater(x, 0), scalar(0, x.type), x)),
  ]),
  /** y = max(x, 0).  x̄ = ȳ where y > 0. */
  Relu: unaryRule((dy, _, y) => only(greater(y, 0), dy)),
  /** y = γx for x > 0, γα(eˣ − 1) elsewhere.  x̄ = γȳ, or ȳ (y + γα). */
  Selu: unaryRule((dy, x, y, { alpha, gamma }) =>
    product(dy, where(greater(x, 0), scalar(gamma, x.type), add(y, gamma * alpha))),
  ),
  /** y = 1/(1 + e⁻ˣ).  x̄ = ȳ y (1 − y). */
  Sigmoid: unaryRule((dy, _, y) => product(dy, mul(y, sub(1, y)))),
  /** y = log(1 + eˣ).  x̄ = ȳ sigmoid x. */
  Softplus: unaryRule((dy, x) => product(dy, sigmoid(x))),
  /** y = x/(1 + |x|).  x̄ = ȳ / (1 + |x|)². */
  Softsign: unaryRule((dy, x) => {
    const scale = add(abs(x), 1)
    return div(dy, mul(scale, scale))
  }),
  /** y = tanh x.  x̄ = ȳ (1 − y²). */
  Tanh: unaryRule((dy, _, y) => product(dy, sub(1, mul(y, y)))),
} satisfies Partial<Rules>
