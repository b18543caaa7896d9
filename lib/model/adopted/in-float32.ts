import {
  asFloat32,
  constant,
  type Graph,
  input,
  type Node,
  operator,
  type OperatorNode,
  parameter,
  rebuilt,
  smallBytes,
  topological,
  type Value,
  valueOf,
} from '../../onnx/index.js'
import { byteLength, deferred, type ElementType, type Tensor } from '../../types/index.js'

const isOther = (type: ElementType): boolean =>
  type === 'float16' || type === 'bfloat16' || type === 'float64'

const wide = (type: ElementType): ElementType => (isOther(type) ? 'float32' : type)

/**
 * A tensor of floats as float32; others as they are. Large ones are converted when somebody reads them, so that weights in half precision are
 * not in memory twice.
 *
 * @example
 * const one = widened({ type: 'float16', dims: [1], data: Uint16Array.of(0x3c00) }) // 1
 */
export const widened = (tensor: Tensor): Tensor =>
  !isOther(tensor.type)
    ? tensor
    : byteLength(tensor) > smallBytes
      ? deferred('float32', tensor.dims, () => asFloat32(tensor).data)
      : asFloat32(tensor)

const widenedNode = (node: OperatorNode, inputs: ReadonlyArray<Value | undefined>): ReadonlyArray<Value> => {
  const count = node.outputs.length
  switch (node.operator) {
    case 'Cast':
      return operator('Cast', inputs, { to: wide(node.attributes.to) }, count, node.name)
    case 'ConstantOfShape':
      return operator('ConstantOfShape', inputs, { value: widened(node.attributes.value) }, count, node.name)
    default:
      return rebuilt(node, inputs)
  }
}

/**
 * The same graph with all its floats in float32: inputs, weights, constants and everything between. That is what weights are trained in;
 * a graph that is in float32 already stays as it is.
 *
 * @example
 * const x = input('x', 'float16', ['batch', 4])
 * const wideGraph = inFloat32({ inputs: [x], outputs: { y: relu(x) }, opset: 21, metadata: {} })
 */
export const inFloat32 = (graph: Graph): Graph => {
  const replaced = new Map<Node, ReadonlyArray<Value>>()
  const current = (value: Value): Value => replaced.get(value.node)?.[value.output] ?? value
  const leafOf = (node: Exclude<Node, OperatorNode>): Value => {
    const [{ type, shape }] = node.outputs
    switch (node.kind) {
      case 'input':
        return input(node.name, wide(type), shape)
      case 'parameter':
        return parameter(node.name, widened(node.initial))
      case 'constant':
        return constant(widened(node.tensor), node.name)
    }
  }
  const outputs = Object.values(graph.outputs)
  for (const node of topological([...graph.inputs, ...outputs])) {
    if (node.kind !== 'operator') {
      if (isOther(node.outputs[0].type)) replaced.set(node, [leafOf(node)])
      continue
    }
    const inputs = node.inputs.map((x) => (x === undefined ? undefined : current(x)))
    const changed = inputs.some((x, i) => x !== node.inputs[i])
    if (changed || node.outputs.some(({ type }) => isOther(type)))
      replaced.set(node, widenedNode(node, inputs))
  }
  return {
    ...graph,
    inputs: graph.inputs.map(({ node }) => current(valueOf(node, 0))),
    outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, current(value)])),
  }
}
