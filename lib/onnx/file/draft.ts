import { create } from '@bufbuild/protobuf'
import type { Tensor } from '../../types/index.js'
import type { Declared } from './declarations.js'
import { encodeAttribute } from './encode-attribute.js'
import { encodeValueInfo } from './encode-value-info.js'
import { GraphFailure } from '../graph-failure.js'
import { Names } from './names.js'
import { definitions } from '../operators/index.js'
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../proto/onnx_pb.js'
import { share, type Entry, type Place, type Shared } from './share.js'
import { topological } from '../traverse.js'
import type { Node, OperatorNode, Value } from '../value.js'
import { blockedConvolution, blockedDomain } from './blocked-convolution.js'

/** What an ONNX file is made of. */
export type Encodable = {
  /** What comes out, by name, in this order. */
  readonly outputs: Readonly<Record<string, Value>>
  /** What is fed, in order; inputs that are not listed come after these. Listed ones stay even where nothing uses them. */
  readonly inputs?: ReadonlyArray<Value>
  /** Whether weights are fed at every run, or stored in the file as initial values. */
  readonly parameters: 'inputs' | 'initializers'
  readonly name?: string
  /** Written into the file's metadata properties. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Convolutions that are written for blocks of channels, ONNX Runtime's own form of them; see `BlockedConvolution`. */
  readonly blocked?: ReadonlySet<Node>
}

/** The operator set written, and the file format it belongs to. */
const opset = 21n
const irVersion = 10n

/** A tensor that a file stores, its name there, and what it is. */
export type Named = { readonly name: string; readonly tensor: Tensor; readonly declared: Declared }

/** An ONNX file without its tensors, for which it is still to be decided where they are to stand. */
export type Draft = {
  readonly tensors: ReadonlyArray<Named>
  /** All but the graph. */
  readonly model: ModelProto
  /** All but the tensors. */
  readonly graph: GraphProto
}

/**
 * Drafts the ONNX file of some outputs and all they depend on.
 *
 * @throws GraphFailure where two different inputs or weights have one name, or an output has the name of one of them
 * @example
 * declare const graph: Encodable
 * const names = draft(graph).tensors.map(({ name }) => name)
 */
export const draft = (graph: Encodable): Draft => {
  const listed = graph.inputs ?? []
  const outputs = Object.entries(graph.outputs)
  const shared = share(topological([...listed, ...outputs.map(([, value]) => value)]))
  const names = named(shared, outputs)
  const { blocked = new Set() } = graph
  const nodes = shared.entries.flatMap((entry) => {
    const written = encodeNode(entry, shared, names)
    return blocked.has(entry.node)
      ? written.flatMap((node) => blockedConvolution(node, entry.node, (wish) => names.fresh(wish)))
      : written
  })
  for (const [key, value] of outputs) {
    const place = shared.find(value)
    if (names.of(place) === key) continue
    // An input, a constant, or a second name for the same tensor: a file has no other way to say it.
    nodes.push(nodeNamed(names.fresh('Identity'), 'Identity', [names.of(place)], [key]))
  }
  const order = [...new Set([...listed.map((value) => shared.find(value).entry), ...shared.entries])]
  const isInput = ({ node }: Entry): boolean =>
    node.kind === 'input' || (node.kind === 'parameter' && graph.parameters === 'inputs')
  const tensors = order.flatMap((entry): ReadonlyArray<Named> => {
    const { node } = entry
    if (node.kind === 'operator' || node.kind === 'input' || isInput(entry)) return []
    const name = names.of({ entry, output: 0 })
    return node.kind === 'constant'
      ? [{ name, tensor: node.tensor, declared: 'constant' }]
      : [{ name, tensor: node.initial, declared: 'weight' }]
  })
  return {
    tensors,
    model: create(ModelProtoSchema, {
      irVersion,
      producerName: 'deriva',
      opsetImport: [
        { domain: '', version: opset },
        ...(blocked.size === 0 ? [] : [{ domain: blockedDomain, version: 1n }]),
      ],
      metadataProps: Object.entries(graph.metadata ?? {}).map(([key, value]) => ({ key, value })),
    }),
    graph: create(GraphProtoSchema, {
      name: graph.name ?? 'deriva',
      node: nodes,
      input: order
        .filter(isInput)
        .flatMap((entry) =>
          entry.node.outputs.map((typed, output) => encodeValueInfo(names.of({ entry, output }), typed)),
        ),
      output: outputs.map(([key, value]) => encodeValueInfo(key, value)),
    }),
  }
}

/** Names for all tensors: those of inputs, weights and outputs first, then wishes, then the operator's name and a number. */
const named = ({ entries, find }: Shared, outputs: ReadonlyArray<readonly [string, Value]>): Names => {
  const names = new Names()
  for (const entry of entries) {
    const { node } = entry
    if (node.kind === 'input' || node.kind === 'parameter') names.claim({ entry, output: 0 }, node.name)
  }
  for (const [key, value] of outputs) {
    if (names.isTaken(key))
      throw new GraphFailure(`the output "${key}" has the name of an input or parameter`, key)
    const place = find(value)
    if (place.entry.node.kind === 'operator' && !names.has(place)) names.claim(place, key)
    else names.reserve(key)
  }
  for (const entry of entries) {
    entry.node.outputs.forEach((_, output) => {
      const place = { entry, output }
      if (!names.has(place)) names.claim(place, names.fresh(wishFor(place)))
    })
  }
  return names
}

const wishFor = ({ entry: { node }, output }: Place): string => {
  const part = node.outputs.length > 1 ? `_${output}` : ''
  switch (node.kind) {
    case 'operator':
      return `${node.name ?? node.operator}${part}`
    case 'constant':
      return node.name ?? 'constant'
    default:
      return node.name
  }
}

const nodeNamed = (
  name: string,
  opType: string,
  input: string[],
  output: string[],
  attribute: NodeProto['attribute'] = [],
): NodeProto => create(NodeProtoSchema, { name, opType, input, output, attribute })

const encodeNode = (entry: Entry, { find }: Shared, names: Names): ReadonlyArray<NodeProto> => {
  const { node } = entry
  if (node.kind !== 'operator') return []
  const inputs = node.inputs.map((x) => (x === undefined ? '' : names.of(find(x))))
  const outputs = node.outputs.map((_, output) => names.of({ entry, output }))
  // Every node has the name of its first result.
  return [nodeNamed(outputs[0] ?? node.operator, node.operator, inputs, outputs, attributesOf(node))]
}

const attributesOf = (node: OperatorNode): NodeProto['attribute'] => {
  const given: Readonly<Record<string, unknown>> = node.attributes
  return Object.entries(definitions[node.operator].attributes).flatMap(
    ([key, attribute]) => encodeAttribute(key, attribute, given[key]) ?? [],
  )
}
