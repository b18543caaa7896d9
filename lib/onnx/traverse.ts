import type { Node, Value } from './value.js'

/**
 * Every node that some values depend on, inputs before users, each once. Iterative, so graphs may be as deep as they like.
 *
 * @example
 * const x = input('x', 'float32', [4])
 * const nodes = topological([add(mul(x, x), x)])
 */
export const topological = (outputs: ReadonlyArray<Value>): ReadonlyArray<Node> => {
  const order: Node[] = []
  const entered = new Set<Node>()
  const done = new Set<Node>()
  const stack: Node[] = outputs.map(({ node }) => node).reverse()
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (done.has(node)) continue
    if (node.kind === 'operator' && !entered.has(node)) {
      entered.add(node)
      stack.push(node)
      for (let i = node.inputs.length - 1; i >= 0; i--) {
        const x = node.inputs[i]
        if (x !== undefined && !done.has(x.node)) stack.push(x.node)
      }
      continue
    }
    done.add(node)
    order.push(node)
  }
  return order
}

/**
 * The inputs and parameters that some values depend on, in the order of first use.
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const parameters = leaves([add(x, parameter('bias', float32([4], [0, 0, 0, 0])))]).filter(({ node }) => node.kind === 'parameter')
 */
export const leaves = (outputs: ReadonlyArray<Value>): ReadonlyArray<Value> =>
  topological(outputs).flatMap((node) =>
    node.kind === 'input' || node.kind === 'parameter' ? [valueOf(node, 0)] : [],
  )

/**
 * The nodes among these that are sources or depend on one.
 *
 * @param order inputs before users
 * @example
 * const x = input('x', 'float32', [4])
 * const activations = dependents(topological([mul(x, x)]), ({ kind }) => kind === 'input')
 */
export const dependents = (
  order: ReadonlyArray<Node>,
  isSource: (node: Node) => boolean,
): ReadonlySet<Node> => {
  const found = new Set<Node>()
  for (const node of order)
    if (
      isSource(node) ||
      (node.kind === 'operator' && node.inputs.some((x) => x !== undefined && found.has(x.node)))
    )
      found.add(node)
  return found
}

/**
 * The value of one output of a node.
 *
 * @example
 * const { node } = add(input('x', 'float32', [4]), 1)
 * const sum = valueOf(node, 0)
 */
export const valueOf = (node: Node, output: number): Value => {
  const typed = node.outputs.at(output)
  if (typed === undefined)
    throw new RangeError(`this node has ${node.outputs.length} outputs; ${output} is not one`)
  return { node, output, type: typed.type, shape: typed.shape }
}
