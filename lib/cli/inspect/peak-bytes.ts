import { bytesOfValues, type Node, type Value, views } from '../../onnx/index.js'

/**
 * The most bytes that computed tensors occupy at once, when nodes run in the order they are listed in and every tensor goes as soon as nobody needs it:
 * what a runtime needs beside weights and inputs.
 *
 * @param order all nodes that the outputs depend on, inputs before users
 * @param isKnown nodes that are computed once and for all, and not counted
 * @example
 * const x = input('x', 'float32', [256])
 * const y = add(relu(x), x)
 * const peak = peakBytes([y], topological([y])) // 2048
 */
export const peakBytes = (
  outputs: ReadonlyArray<Value>,
  order: ReadonlyArray<Node>,
  isKnown: (node: Node) => boolean = () => false,
): number => {
  /** Whose memory a node's result is in. */
  const owners = new Map<Node, Node>()
  const ownerOf = (node: Node): Node => owners.get(node) ?? node
  const read = (node: Node): ReadonlyArray<Node> =>
    node.kind === 'operator' ? node.inputs.flatMap((x) => (x === undefined ? [] : [ownerOf(x.node)])) : []
  const last = new Map<Node, number>()
  order.forEach((node, i) => {
    const [source] = read(node)
    if (node.kind === 'operator' && views.has(node.operator) && source.kind === 'operator')
      owners.set(node, source)
    for (const x of read(node)) last.set(x, i)
  })
  const kept = new Set(outputs.map(({ node }) => ownerOf(node)))
  const bytes = (node: Node): number =>
    node.kind === 'operator' && !isKnown(node) && ownerOf(node) === node ? bytesOfValues(node.outputs) : 0
  let [live, peak] = [0, 0]
  order.forEach((node, i) => {
    live += bytes(node)
    peak = Math.max(peak, live)
    for (const x of new Set(read(node))) if (last.get(x) === i && !kept.has(x)) live -= bytes(x)
  })
  return peak
}
