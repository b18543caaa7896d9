import { isStatic, type Node, topological, type Value } from '../../onnx/index.js'
import { elementBytes, size } from '../../types/index.js'

/**
 * The bytes of a tensor, 0 where a length is not known.
 *
 * @example
 * const bytes = bytesOfValue({ type: 'float32', shape: [2, 3] }) // 24
 */
export const bytesOfValue = ({ type, shape }: Pick<Value, 'type' | 'shape'>): number =>
  isStatic(shape) ? elementBytes[type] * size(shape) : 0

/**
 * The most bytes that computed tensors occupy at once, when nodes run in the order they are listed in and every tensor goes as soon as nobody needs it:
 * what a runtime without tricks needs beside weights and inputs.
 *
 * @example
 * const x = input('x', 'float32', [256])
 * const peak = peakBytes([add(relu(x), x)]) // 2048
 */
export const peakBytes = (outputs: ReadonlyArray<Value>): number => {
  const order = topological(outputs)
  const kept = new Set(outputs.map(({ node }) => node))
  const last = new Map<Node, number>()
  order.forEach((node, i) => {
    if (node.kind === 'operator') for (const x of node.inputs) if (x !== undefined) last.set(x.node, i)
  })
  const bytes = (node: Node): number =>
    node.kind === 'operator' ? node.outputs.reduce((sum, output) => sum + bytesOfValue(output), 0) : 0
  let [live, peak] = [0, 0]
  order.forEach((node, i) => {
    live += bytes(node)
    peak = Math.max(peak, live)
    const read =
      node.kind === 'operator' ? new Set(node.inputs.flatMap((x) => (x === undefined ? [] : [x.node]))) : []
    for (const x of read) if (last.get(x) === i && !kept.has(x)) live -= bytes(x)
  })
  return peak
}
