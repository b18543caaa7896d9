import { clone } from '@bufbuild/protobuf'
import { toNumbers } from '../element.js'
import { GraphFailure } from '../graph-failure.js'
import {
  AttributeProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
} from '../proto/onnx_pb.js'
import { constant, parameter, type Value } from '../value.js'
import { decodeTensor } from './decode-tensor.js'
import { read } from './forms.js'
import { labelOf } from './label.js'
import { runSequence } from './sequence.js'
import { defineName, innerScope, lookUp, type Scope } from './scope.js'

/**
 * Gives every initializer and every node's outputs their meaning, in the order of the file, which has to be one of execution.
 *
 * @throws GraphFailure at the first node that cannot be understood
 *
 * @example
 * declare const body: file.GraphProto
 * declare const scope: file.Scope
 * file.runGraph(body, scope)
 */
export const runGraph = (graph: GraphProto, scope: Scope): void => {
  const { roles, external } = scope.file
  if (graph.sparseInitializer.length > 0) throw new GraphFailure('sparse initializers are not supported')
  for (const proto of graph.initializer) {
    const tensor = decodeTensor(proto, proto.name, external)
    const role = roles.of(proto.name, tensor)
    const value = role.kind === 'weight' ? parameter(role.name, tensor) : constant(tensor, proto.name)
    defineName(scope, proto.name, value)
  }
  runNodes(graph.node, scope)
}

const runNodes = (nodes: ReadonlyArray<NodeProto>, scope: Scope): void => {
  for (const node of nodes) {
    if (runSequence(node, scope)) continue
    const values = runNode(node, scope)
    node.output.forEach((name, i) => {
      const value = values[i]
      if (name !== '' && value !== undefined) defineName(scope, name, value)
    })
  }
}

/**
 * A domain by its one name: ONNX's own has two.
 *
 * @example
 * const own = file.standardDomain('ai.onnx') // ''
 */
export const standardDomain = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

/**
 * The operator set that a file or function uses of every domain.
 *
 * @example
 * const versions = file.opsetsOf([{ domain: 'ai.onnx', version: 21n }]) // '' → 21
 */
export const opsetsOf = (
  imports: ReadonlyArray<{ readonly domain: string; readonly version: bigint }>,
): ReadonlyMap<string, number> =>
  new Map(imports.map(({ domain, version }) => [standardDomain(domain), Number(version)]))

/**
 * What a function is called by.
 *
 * @example
 * const key = file.functionKey('pkg.torch', 'linear') // 'pkg.torch::linear::'
 */
export const functionKey = (domain: string, name: string, overload = ''): string =>
  `${standardDomain(domain)}::${name}::${overload}`

const runNode = (node: NodeProto, scope: Scope): ReadonlyArray<Value | undefined> => {
  const label = labelOf(node)
  if (scope.file.budget.nodes-- <= 0)
    throw new GraphFailure('the model unfolds to more nodes than any real one has')
  try {
    const domain = standardDomain(node.domain)
    const inputs = node.input.map((name) => (name === '' ? undefined : lookUp(scope, name, 'it')))
    const attributes = node.attribute.flatMap((attribute) => resolved(attribute, scope))
    const called = scope.file.functions.get(functionKey(domain, node.opType, node.overload))
    if (called !== undefined) return runFunction(called, inputs, attributes, scope)
    if (domain === '' && node.opType === 'If') return runIf(attributes, inputs[0], scope)
    return read({
      operator: node.opType,
      domain,
      label,
      opset: scope.opsets.get(domain) ?? 1,
      inputs,
      attributes,
      outputs: node.output.findLastIndex((name) => name !== '') + 1,
    })
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error
    throw new GraphFailure(`node "${label}" (${node.opType}): ${error.message}`, label)
  }
}

/** An attribute, or that of the function around it which it stands for; nothing where the caller did not give that. */
const resolved = (attribute: AttributeProto, scope: Scope): ReadonlyArray<AttributeProto> => {
  if (attribute.refAttrName === '') return [attribute]
  const given = scope.attributes.get(attribute.refAttrName)
  if (given === undefined) return []
  const copy = clone(AttributeProtoSchema, given)
  copy.name = attribute.name
  return [copy]
}

/** A function of the file, as if its nodes stood in place of the call. */
const runFunction = (
  called: FunctionProto,
  inputs: ReadonlyArray<Value | undefined>,
  attributes: ReadonlyArray<AttributeProto>,
  scope: Scope,
): ReadonlyArray<Value | undefined> => {
  if (inputs.length > called.input.length)
    throw new GraphFailure(`takes ${called.input.length} inputs, not ${inputs.length}`)
  const given = [...called.attributeProto, ...attributes]
  const inner = innerScope(scope, {
    opsets: opsetsOf(called.opsetImport),
    attributes: new Map(given.map((attribute) => [attribute.name, attribute])),
  })
  called.input.forEach((name, i) => {
    defineName(inner, name, inputs.at(i))
  })
  runNodes(called.node, inner)
  return called.output.map((name) => lookUp(inner, name, called.name))
}

/** The branch a constant condition takes, as if its nodes stood in place of the `If`. */
const runIf = (
  attributes: ReadonlyArray<AttributeProto>,
  condition: Value | undefined,
  scope: Scope,
): ReadonlyArray<Value | undefined> => {
  if (condition?.node.kind !== 'constant') {
    throw new GraphFailure(
      'the condition depends on data or on a symbolic dimension; bind dimensions to numbers, or export without control flow',
    )
  }
  const taken = toNumbers(condition.node.tensor)[0] !== 0 ? 'then_branch' : 'else_branch'
  const body = attributes.find(({ name }) => name === taken)?.g
  if (body === undefined) throw new GraphFailure(`${taken} is missing`)
  const inner = innerScope(scope, { outer: scope })
  runGraph(body, inner)
  return body.output.map(({ name }) => lookUp(inner, name, taken))
}
