import { rebuilt } from './rebuilt.js'
import { topological } from './traverse.js'
import type { Node, OperatorNode, Value } from './value.js'

/**
 * The same expressions with some operators replaced by others that compute the same. What depends on a replaced one is built anew;
 * everything else is shared with the original.
 *
 * @param replacement what stands for an operator, given its inputs as they are by now: one value an output, undefined to keep it
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const [y] = rewrite([sqrt(mul(x, x))], (node, [a]) => (node.operator === 'Sqrt' && a !== undefined ? [abs(a)] : undefined))
 */
export const rewrite = (
  outputs: ReadonlyArray<Value>,
  replacement: (
    node: OperatorNode,
    inputs: ReadonlyArray<Value | undefined>,
  ) => ReadonlyArray<Value> | undefined,
): ReadonlyArray<Value> => {
  const replaced = new Map<Node, ReadonlyArray<Value>>()
  const current = (value: Value): Value => replaced.get(value.node)?.[value.output] ?? value
  for (const node of topological(outputs)) {
    if (node.kind !== 'operator') continue
    const inputs = node.inputs.map((x) => (x === undefined ? undefined : current(x)))
    const other = replacement(node, inputs)
    if (other !== undefined) replaced.set(node, other)
    else if (inputs.some((x, i) => x !== node.inputs[i])) replaced.set(node, rebuilt(node, inputs))
  }
  return outputs.map(current)
}
