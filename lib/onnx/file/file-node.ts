import type { AttributeKind, AttributeValue } from '../attribute.js'
import { decodeAttribute, decodeAttributes } from './decode-attribute.js'
import { GraphFailure } from '../graph-failure.js'
import { notSupported } from './not-supported.js'
import { operator } from '../operator.js'
import { definitions, isOperatorName } from '../operators/index.js'
import type { AttributeProto } from '../proto/onnx_pb.js'
import type { Value } from '../value.js'

/** A node of a file, its inputs already decoded. */
export type FileNode = {
  readonly operator: string
  /** Empty for ONNX's own. */
  readonly domain: string
  readonly label: string
  readonly opset: number
  readonly inputs: ReadonlyArray<Value | undefined>
  readonly attributes: ReadonlyArray<AttributeProto>
  /** How many outputs are named. */
  readonly outputs: number
}

/** Brings a node of a file into the form of opset 21. An output that is left undefined cannot be read. */
export type Form = (node: FileNode) => ReadonlyArray<Value | undefined>

/**
 * An attribute of a file's node by name, undefined where it is not there.
 *
 * @example
 * const node = { operator: 'Relu', domain: '', label: '', opset: 17, inputs: [input('x', 'float32', [4])], attributes: [], outputs: 1 }
 * const axis = file.attributeOf(node, 'axis', 'int') // undefined
 */
export const attributeOf = <K extends AttributeKind>(
  node: FileNode,
  name: string,
  kind: K,
): AttributeValue[K] | undefined => {
  const proto = node.attributes.find((attribute) => attribute.name === name)
  return proto === undefined ? undefined : decodeAttribute(proto, kind)
}

/**
 * A node with other inputs and without some attributes: what was an attribute in an older operator set is an input now.
 *
 * @example
 * const node = { operator: 'Relu', domain: '', label: '', opset: 17, inputs: [input('x', 'float32', [4])], attributes: [], outputs: 1 }
 * const other = file.moved(node, [input('y', 'float32', [4])], 'axes')
 */
export const moved = (
  node: FileNode,
  inputs: ReadonlyArray<Value | undefined>,
  ...dropped: ReadonlyArray<string>
): FileNode => ({
  ...node,
  inputs,
  attributes: node.attributes.filter(({ name }) => !dropped.includes(name)),
})

/**
 * An input that has to be there.
 *
 * @example
 * const node = { operator: 'Relu', domain: '', label: '', opset: 17, inputs: [input('x', 'float32', [4])], attributes: [], outputs: 1 }
 * const x = file.requiredInput(node, 0)
 */
export const requiredInput = (node: FileNode, i: number): Value => {
  const x = node.inputs[i]
  if (x === undefined) throw new GraphFailure(`input ${i} is missing`)
  return x
}

/**
 * The values of a node that already has its present form.
 *
 * @example
 * const node = { operator: 'Relu', domain: '', label: '', opset: 17, inputs: [input('x', 'float32', [4])], attributes: [], outputs: 1 }
 * const [y] = file.asWritten(node)
 */
export const asWritten = (node: FileNode): ReadonlyArray<Value> => {
  if (!isOperatorName(node.operator)) throw new GraphFailure(notSupported('', node.operator))
  const attributes = decodeAttributes(node.operator, definitions[node.operator].attributes, node.attributes)
  return operator(node.operator, node.inputs, attributes, Math.max(1, node.outputs), node.label)
}
