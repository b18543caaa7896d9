import { isFloat } from '../onnx/element.js'
import { valueOf, type Node, type OperatorNode, type Value } from '../onnx/index.js'
import type { Rules } from './rule.js'

/** Which values of a graph depend on some others, smoothly enough for a gradient. */
export type Reach = {
  has(value: Value): boolean
  /** Whether it is one of the others itself. */
  isSource(value: Value): boolean
  /** The way from a node down to one of the others, for messages: `MatMul "proj" ← Gemm ← parameter "embed.weight"`. */
  route(node: Node): string
}

/**
 * Follows a graph from `sources` to its outputs. What passes through an integer, or an operator that is constant almost everywhere,
 * no longer counts as depending on them.
 *
 * @param order inputs before users, as `topological` gives it
 *
 * @example
 * const x = input('x', 'float32', [4])
 * const y = add(floor(x), input('other', 'float32', [4]))
 * const depends = reach(topological([y]), [x], rules).has(y)
 */
export const reach = (order: ReadonlyArray<Node>, sources: ReadonlyArray<Value>, rules: Rules): Reach => {
  const reached = new Map<Node, Set<number>>()
  const via = new Map<Node, Value>()
  const has = ({ node, output }: Value): boolean => reached.get(node)?.has(output) ?? false
  const mark = ({ node, output }: Value): void => {
    reached.set(node, (reached.get(node) ?? new Set()).add(output))
  }
  sources.forEach(mark)
  const asked = new Map([...reached].map(([node, outputs]) => [node, new Set(outputs)]))
  for (const node of order) {
    if (node.kind !== 'operator' || rules[node.operator] === 'flat') continue
    const from = node.inputs.find((x) => x !== undefined && has(x))
    if (from === undefined) continue
    via.set(node, from)
    node.outputs.forEach(({ type }, output) => {
      if (isFloat(type)) mark(valueOf(node, output))
    })
  }
  const route = (node: Node): string => {
    const steps = [nodeLabel(node)]
    for (let next = via.get(node)?.node; next !== undefined; next = via.get(next)?.node)
      steps.push(nodeLabel(next))
    const [head, tail] = [steps.slice(0, longestRoute / 2), steps.slice(-longestRoute / 2)]
    return (steps.length > longestRoute ? [...head, '…', ...tail] : steps).join(' ← ')
  }
  const isSource = ({ node, output }: Value): boolean => asked.get(node)?.has(output) ?? false
  return { has, isSource, route }
}

/** A route is for reading: of a longer one the middle is left out. */
const longestRoute = 12

/**
 * A node as a message names it.
 *
 * @example
 * const name = nodeLabel(parameter('head.bias', float32([1], [0])).node)
 */
export const nodeLabel = (node: Node | OperatorNode): string => {
  const what = node.kind === 'operator' ? node.operator : node.kind
  return node.kind !== 'operator' || node.name !== undefined ? `${what} "${node.name ?? ''}"` : what
}
