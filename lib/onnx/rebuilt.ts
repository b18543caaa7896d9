import { GraphFailure } from './graph-failure.js'
import { operator } from './operator.js'
import type { OperatorName } from './operators/index.js'
import type { OperatorNode, Value } from './value.js'

/**
 * The same operator on other inputs: shapes are inferred again, and what has become constant is folded.
 *
 * @throws GraphFailure where it cannot take them, naming the node
 *
 * @example
 * const { node } = relu(input('x', 'float32', ['batch', 4]))
 * const [two] = node.kind === 'operator' ? rebuilt(node, [input('x', 'float32', [2, 4])]) : []
 */
export const rebuilt = (
  node: OperatorNode,
  inputs: ReadonlyArray<Value | undefined>,
): ReadonlyArray<Value> => {
  try {
    return operator<OperatorName>(node.operator, inputs, node.attributes, node.outputs.length, node.name)
  } catch (error) {
    if (!(error instanceof GraphFailure) || node.name === undefined) throw error
    throw new GraphFailure(`node "${node.name}" (${node.operator}): ${error.message}`, node.name)
  }
}
