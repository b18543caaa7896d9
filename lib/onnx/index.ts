export type { AttributeKind, AttributeValue } from './attribute.js'
export * from './build/activation.js'
export * from './build/indexing.js'
export * from './build/linear.js'
export { scalar, type Numeric } from './build/operand.js'
export * from './build/reduce.js'
export * from './build/shape.js'
export * from './build/unary.js'
export * from './build/variadic.js'
export { decode } from './decode.js'
export type { Typed } from './definition.js'
export type { Dim } from './dim.js'
export * from './einsum-equation.js'
export { type Encodable, encode } from './encode.js'
export * from './graph-failure.js'
export * from './graph.js'
export * from './operator.js'
export {
  isOperatorName,
  type AttributesOf,
  type GivenAttributes,
  type OperatorName,
} from './operators/index.js'
export { isStatic, sameShape, showShape, type Shape } from './shape.js'
export * from './substitute.js'
export * from './traverse.js'
export * from './value.js'
