import {
  cast,
  dependents,
  greater,
  isFloat,
  operator,
  reshape,
  slice,
  where,
  type Node,
  type OperatorName,
  type Value,
} from '../onnx/index.js'
import type { Segments } from './segments.js'

/**
 * x, but not before `trigger` is known.
 *
 * A graph says nothing about when things happen, and two equal expressions are one: without this the recomputation of an activation
 * would be merged with the activation itself, by us and by the runtime. So x is made to depend on one element t of the trigger by a
 * choice whose condition t > t never holds, which no optimiser knows. x is not changed by a bit.
 *
 * @param x a float, not a scalar
 * @example
 * const later = after(input('x', 'float32', [8, 64]), input('dy', 'float32', [8, 10]))
 */
export const after = (x: Value, trigger: Value): Value => {
  const t = slice(reshape(trigger, [-1]), [0], [1])
  return where(greater(t, t), cast(t, x.type), x)
}

/** What stands in the backward pass for a value of the forward pass. */
export type Seen = (value: Value) => Value

/**
 * The values of one segment computed anew from what earlier segments left, once the trigger is known.
 *
 * @param order the whole graph, inputs before users
 * @param trigger something that is only known when the backward pass comes to this segment
 * @example
 * declare const order: ReadonlyArray<Node>, dy: Value, activation: Value
 * const again = recomputed(order, segments(order), 0, dy)(activation)
 */
export const recomputed = (
  order: ReadonlyArray<Node>,
  cut: Segments,
  segment: number,
  trigger: Value,
): Seen => {
  const copies = new Map<Node, ReadonlyArray<Value>>()
  const kept = new Map<Node, Map<number, Value>>()
  const gated = (value: Value): Value => {
    const outputs = kept.get(value.node) ?? new Map<number, Value>()
    kept.set(value.node, outputs)
    const gate = outputs.get(value.output) ?? after(value, trigger)
    outputs.set(value.output, gate)
    return gate
  }
  const activations = dependents(order, ({ kind }) => kind === 'input')
  const seen: Seen = (value) => {
    const { node, output, type, shape } = value
    // What depends on weights alone is no activation, and stays as it is.
    if (!activations.has(node)) return value
    if (node.kind === 'operator' && cut.of(node) === segment) return copies.get(node)?.[output] ?? value
    // Integers (labels, indices) and single numbers are small enough to be kept as they are.
    return isFloat(type) && shape.length > 0 ? gated(value) : value
  }
  for (const node of order) {
    if (node.kind !== 'operator' || cut.of(node) !== segment) continue
    const inputs = node.inputs.map((x) => x && seen(x))
    if (inputs.every((x, i) => x === node.inputs[i])) continue
    copies.set(
      node,
      operator<OperatorName>(node.operator, inputs, node.attributes, node.outputs.length, node.name),
    )
  }
  return seen
}

/**
 * How the backward pass sees the forward one where activations are computed again: those of the last segment are still there.
 *
 * @returns for a node and the gradient that its backward pass begins with: what its inputs and outputs are
 * @example
 * declare const order: ReadonlyArray<Node>, node: Node, dy: Value
 * const see = recomputation(order, segments(order))
 * const [y] = node.outputs.map((_, i) => see(node, dy)(valueOf(node, i)))
 */
export const recomputation = (
  order: ReadonlyArray<Node>,
  cut: Segments,
): ((node: Node, cotangent: Value) => Seen) => {
  const views = new Map<number, Seen>([[cut.count - 1, (value) => value]])
  return (node, cotangent) => {
    const segment = cut.of(node)
    const view = views.get(segment) ?? recomputed(order, cut, segment, cotangent)
    views.set(segment, view)
    return view
  }
}
