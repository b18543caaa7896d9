import { type Node, type OperatorNode, topological, type Value } from '../../onnx/index.js'

/**
 * The operators that some values depend on, in the order in which ONNX Runtime runs them: depth first from the last to the first of those that
 * nobody reads, and the inputs of each from the last in the file to the first (`Graph::ReverseDFSFrom` of its sources). It matters for memory:
 * what is computed early is kept long.
 *
 * @example
 * const x = input('x', 'float32', [4])
 * const order = runOrder([relu(x), sin(x)]).map(({ operator }) => operator) // Sin, Relu
 */
export const runOrder = (outputs: ReadonlyArray<Value>): ReadonlyArray<OperatorNode> => {
  const written = topological(outputs).flatMap((node) => (node.kind === 'operator' ? [node] : []))
  const places = new Map<Node, number>(written.map((node, i) => [node, i]))
  const sources = ({ inputs }: OperatorNode): ReadonlyArray<OperatorNode> =>
    [...new Set(inputs.flatMap((x) => (x?.node.kind === 'operator' ? [x.node] : [])))].sort(
      (a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0),
    )
  const read = new Set(written.flatMap(sources))
  const order: OperatorNode[] = []
  const [entered, done] = [new Set<Node>(), new Set<Node>()]
  const stack = written.filter((node) => !read.has(node))
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (done.has(node)) continue
    if (entered.has(node)) {
      done.add(node)
      order.push(node)
      continue
    }
    entered.add(node)
    stack.push(node, ...sources(node).filter((source) => !done.has(source)))
  }
  return order
}
