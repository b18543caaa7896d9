import { fromBinary } from '@bufbuild/protobuf'
import * as E from 'fp-ts/lib/Either.js'
import type { ErrorOf } from '../../types/index.js'
import { elementTypeOf, showDataType } from './data-type.js'
import { decodeTensor } from './decode-tensor.js'
import { evaluateDim, type Dim } from '../dim.js'
import { isFloat, toNumbers } from '../element.js'
import { read } from './forms.js'
import type { Graph } from '../graph.js'
import { GraphFailure } from '../graph-failure.js'
import { definitions, isOperatorName } from '../operators/index.js'
import {
  ModelProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from '../proto/onnx_pb.js'
import { constant, input, parameter, type Value } from '../value.js'

/**
 * A graph from the bytes of an ONNX file, in operators of opset 21 whatever its own opset (10 or newer): older forms are rewritten,
 * constants folded, `If` with a constant condition resolved. Floating-point initializers become parameters under their names, but
 * for those that say what to do rather than what to do it with (scales, bounds, running statistics); the others are constants.
 *
 * @param dims numbers for symbolic dimensions, for graphs whose structure depends on them; see also `bind`
 * @returns Left with the node and what would be right where the file is damaged, incomplete, or uses what is not supported
 *
 * @example
 * const graph = decode(encode({ outputs: { y: relu(input('x', 'float32', ['batch', 4])) }, parameters: 'initializers' }))
 */
export const decode = (
  bytes: Uint8Array,
  dims: Readonly<Record<string, number>> = {},
): E.Either<ErrorOf<'GraphError'>, Graph> =>
  E.tryCatch(
    () => graphOf(parsed(bytes), dims),
    (error) =>
      error instanceof GraphFailure
        ? error.error
        : {
            _tag: 'GraphError',
            message: `this ONNX model cannot be read: ${error instanceof Error ? error.message : String(error)}`,
          },
  )

const parsed = (bytes: Uint8Array): ModelProto => {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch {
    throw new GraphFailure('this is not an ONNX model, or it is cut off')
  }
}

const graphOf = (model: ModelProto, dims: Readonly<Record<string, number>>): Graph => {
  const { graph } = model
  if (graph === undefined) throw new GraphFailure('this is not an ONNX model: it has no graph')
  const imported = model.opsetImport.find(({ domain }) => isDefaultDomain(domain))
  if (imported === undefined) throw new GraphFailure('the model does not say which operator set it uses')
  const opset = Number(imported.version)
  if (opset < oldestOpset)
    throw new GraphFailure(`operator set ${opset} is too old; export with ${oldestOpset} or newer`)

  const scope: Scope = { values: new Map(), opset, settings: settingsOf(graph) }
  // Until file format 4 initializers were listed among the inputs as well.
  const stored = new Set(graph.initializer.map(({ name }) => name))
  const inputs = graph.input
    .filter(({ name }) => !stored.has(name))
    .map((info) => {
      const value = decodeInput(info, dims)
      define(scope, info.name, value)
      return value
    })
  runGraph(graph, scope)
  return {
    inputs,
    outputs: Object.fromEntries(graph.output.map(({ name }) => [name, lookUp(scope, name, 'the graph')])),
    opset,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
  }
}

const oldestOpset = 9

const isDefaultDomain = (domain: string): boolean => domain === '' || domain === 'ai.onnx'

/** What names mean at some place in a file; the body of an `If` sees the names around it. */
type Scope = {
  readonly values: Map<string, Value>
  readonly outer?: Scope
  readonly opset: number
  /** Names used in places where a float is a setting, not a weight. */
  readonly settings: ReadonlySet<string>
}

const lookUp = (scope: Scope, name: string, reader: string): Value => {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const value = at.values.get(name)
    if (value !== undefined) return value
  }
  throw new GraphFailure(`${reader} reads "${name}", which nothing before it makes`, name)
}

const define = (scope: Scope, name: string, value: Value): void => {
  if (scope.values.has(name)) throw new GraphFailure(`"${name}" is made twice`, name)
  scope.values.set(name, value)
}

const settingsOf = (graph: GraphProto): ReadonlySet<string> => {
  const names = new Set<string>()
  const pending = [graph]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const node of next.node) {
      for (const i of settingPlaces(node.opType)) names.add(node.input[i] ?? '')
      for (const { g } of node.attribute) if (g !== undefined) pending.push(g)
    }
  }
  return names
}

const settingPlaces = (opType: string): ReadonlyArray<number> => {
  if (isOperatorName(opType)) return definitions[opType].settings ?? []
  return opType === 'Dropout' ? [1, 2] : opType === 'Upsample' ? [1] : []
}

const decodeInput = (info: ValueInfoProto, dims: Readonly<Record<string, number>>): Value => {
  const { name } = info
  const type = info.type?.value
  if (type?.case !== 'tensorType') throw new GraphFailure(`input "${name}" is not a tensor`, name)
  const { elemType, shape } = type.value
  const element = elementTypeOf(elemType)
  if (element === undefined)
    throw new GraphFailure(`input "${name}" is ${showDataType(elemType)}, which is not supported`, name)
  if (shape === undefined) throw new GraphFailure(`input "${name}" declares no shape`, name)
  const declared = shape.dim.map(({ value }, axis): Dim => {
    if (value.case === 'dimParam' && value.value !== '') return value.value
    if (value.case !== 'dimValue') return `${name}_${axis}`
    if (value.value < 0n) throw new GraphFailure(`input "${name}" has an axis of length ${value.value}`, name)
    return Number(value.value)
  })
  return input(
    name,
    element,
    declared.map((dim) => evaluateDim(dim, dims)),
  )
}

/** Gives every initializer and every node's outputs their meaning, in the order of the file, which has to be one of execution. */
const runGraph = (graph: GraphProto, scope: Scope): void => {
  if (graph.sparseInitializer.length > 0) throw new GraphFailure('sparse initializers are not supported')
  for (const proto of graph.initializer) {
    const tensor = decodeTensor(proto)
    const weight = isFloat(tensor.type) && !scope.settings.has(proto.name)
    define(scope, proto.name, weight ? parameter(proto.name, tensor) : constant(tensor, proto.name))
  }
  for (const node of graph.node) {
    const values = runNode(node, scope)
    node.output.forEach((name, i) => {
      const value = values.at(i)
      if (name !== '' && value !== undefined) define(scope, name, value)
    })
  }
}

const runNode = (node: NodeProto, scope: Scope): ReadonlyArray<Value> => {
  const label = node.name !== '' ? node.name : (node.output[0] ?? '')
  try {
    if (!isDefaultDomain(node.domain)) {
      throw new GraphFailure(
        `operators of ${node.domain} are not supported; export with standard ONNX operators`,
      )
    }
    const inputs = node.input.map((name) => (name === '' ? undefined : lookUp(scope, name, 'it')))
    if (node.opType === 'If') return runIf(node, inputs[0], scope)
    const last = node.output.findLastIndex((name) => name !== '')
    return read({
      operator: node.opType,
      label,
      opset: scope.opset,
      inputs,
      attributes: node.attribute,
      outputs: last + 1,
    })
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error
    throw new GraphFailure(`node "${label}" (${node.opType}): ${error.message}`, label)
  }
}

/** The branch a constant condition takes, as if its nodes stood in place of the `If`. */
const runIf = (node: NodeProto, condition: Value | undefined, scope: Scope): ReadonlyArray<Value> => {
  if (condition?.node.kind !== 'constant') {
    throw new GraphFailure(
      'the condition depends on data or on a symbolic dimension; bind dimensions to numbers, or export without control flow',
    )
  }
  const taken = toNumbers(condition.node.tensor)[0] !== 0 ? 'then_branch' : 'else_branch'
  const body = node.attribute.find(({ name }) => name === taken)?.g
  if (body === undefined) throw new GraphFailure(`${taken} is missing`)
  const inner: Scope = { ...scope, values: new Map(), outer: scope }
  runGraph(body, inner)
  return body.output.map(({ name }) => lookUp(inner, name, taken))
}
