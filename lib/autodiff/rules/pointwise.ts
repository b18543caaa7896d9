import {
  add,
  cos,
  cosh,
  div,
  exp,
  mul,
  neg,
  sign,
  sin,
  sinh,
  sqrt,
  sub,
  type Value,
} from '../../onnx/index.js'
import { product, scaled } from '../broadcast.js'
import { unaryRule, type Rules } from '../rule.js'

/** x². */
const square = (x: Value): Value => mul(x, x)

/** Functions of calculus, element by element. x̄ stands for d loss / d x. */
export const pointwise = {
  /** y = |x|.  x̄ = ȳ sign x, which is 0 at 0. */
  Abs: unaryRule((dy, x) => product(dy, sign(x))),
  /** y = arccos x.  x̄ = −ȳ / √(1 − x²). */
  Acos: unaryRule((dy, x) => neg(div(dy, sqrt(sub(1, square(x)))))),
  /** y = arcsin x.  x̄ = ȳ / √(1 − x²). */
  Asin: unaryRule((dy, x) => div(dy, sqrt(sub(1, square(x))))),
  /** y = arctan x.  x̄ = ȳ / (1 + x²). */
  Atan: unaryRule((dy, x) => div(dy, add(square(x), 1))),
  /** y = cos x.  x̄ = −ȳ sin x. */
  Cos: unaryRule((dy, x) => neg(product(dy, sin(x)))),
  /** y = cosh x.  x̄ = ȳ sinh x. */
  Cosh: unaryRule((dy, x) => product(dy, sinh(x))),
  /** y = erf x.  x̄ = ȳ 2/√π exp(−x²). */
  Erf: unaryRule((dy, x) => product(scaled(dy, 2 / Math.sqrt(Math.PI)), exp(neg(square(x))))),
  /** y = eˣ.  x̄ = ȳ y. */
  Exp: unaryRule((dy, _, y) => product(dy, y)),
  /** y = log x.  x̄ = ȳ / x. */
  Log: unaryRule((dy, x) => div(dy, x)),
  /** y = −x.  x̄ = −ȳ. */
  Neg: unaryRule((dy) => scaled(dy, -1)),
  /** y = 1/x.  x̄ = −ȳ y². */
  Reciprocal: unaryRule((dy, _, y) => neg(product(dy, square(y)))),
  /** y = sin x.  x̄ = ȳ cos x. */
  Sin: unaryRule((dy, x) => product(dy, cos(x))),
  /** y = sinh x.  x̄ = ȳ cosh x. */
  Sinh: unaryRule((dy, x) => product(dy, cosh(x))),
  /** y = √x.  x̄ = ȳ / 2y: infinite at 0, as in PyTorch. */
  Sqrt: unaryRule((dy, _, y) => div(scaled(dy, 0.5), y)),
  /** y = tan x.  x̄ = ȳ (1 + y²). */
  Tan: unaryRule((dy, _, y) => product(dy, add(square(y), 1))),

  Ceil: 'flat',
  Floor: 'flat',
  IsNaN: 'flat',
  Not: 'flat',
  Round: 'flat',
  Sign: 'flat',
  /** What stopGradient leaves in the graph: the identity forwards, nothing backwards. */
  StopGradient: 'flat',
} satisfies Partial<Rules>
