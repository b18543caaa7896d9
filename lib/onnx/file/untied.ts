import { clone, create } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../proto/onnx_pb.js'
import { holdsFloats } from './data-type.js'
import type { Declarations } from './declarations.js'
import { decodeTensor, type ReadExternal } from './decode-tensor.js'
import { isUniform } from './initializer-role.js'
import { namedByPaths } from './module-name.js'

/** Where a stored tensor is read: by the node with this number, as its input with that one. */
type Use = { readonly at: number; readonly place: number }

/** Whose a tensor is where it is read: a weight's with this name, or a number's, which does not train. Undefined: its own. */
type Owner = { readonly weight: string } | 'number' | undefined

const weighing: ReadonlyArray<string> = [
  'Conv',
  'ConvTranspose',
  'Gemm',
  'LayerNormalization',
  'GroupNormalization',
  'RMSNormalization',
]

/** What modules call what a node reads there. */
const partAt = ({ opType }: NodeProto, place: number): string | undefined => {
  if (weighing.includes(opType)) return place === 1 ? 'weight' : 'bias'
  return opType === 'Add' ? 'bias' : opType === 'Mul' || opType === 'MatMul' ? 'weight' : undefined
}

/** What the operation takes that PyTorch's newer exporter wrote a node for: `%linear = call_function[…](args = (%x, %p_to_q_weight), …)`. */
const operandsOf = ({ metadataProps }: NodeProto): ReadonlyArray<string> => {
  const program = metadataProps.find(({ key }) => key === 'pkg.torch.onnx.fx_node')?.value ?? ''
  return [...program.slice(program.indexOf('(args = ')).matchAll(/%(\w+)/g)].map(([, operand]) => operand)
}

/** Going by the operations of the program that was exported. */
const ownersByProgram = (
  { initializer }: GraphProto,
  { declared, aliases, sourcesOf }: Declarations,
): ((proto: TensorProto, node: NodeProto, place: number) => Owner) => {
  const stored = new Set(initializer.map(({ name }) => name))
  const present = new Set([...stored, ...[...stored].flatMap((name) => sourcesOf(name) ?? [])])
  return ({ name }, node, place) => {
    const operands = operandsOf(node)
    const weights = operands
      .flatMap((alias) => aliases.get(alias) ?? [])
      .filter((w) => declared.get(w) === 'weight')
    if (declared.get(name) !== 'weight' || weights.some((w) => w === name || sourcesOf(name)?.includes(w)))
      return undefined
    const lost = weights.filter((w) => !present.has(w))
    const weight = lost.length === 1 ? lost[0] : lost.find((w) => w.endsWith(`.${partAt(node, place) ?? ''}`))
    if (weight !== undefined) return { weight }
    // x.pow(2) takes one tensor: what else its node reads is a number.
    const isSecond = node.input.some((other) => other !== name && other !== '' && !stored.has(other))
    return weights.length === 0 && operands.length === 1 && isSecond ? 'number' : undefined
  }
}

/** Going by the Identity that PyTorch's older exporter leaves of every equal tensor, under that one's name. */
const ownersByIdentity =
  ({ output: outputs }: GraphProto) =>
  (_: TensorProto, { opType, output: [name] }: NodeProto): Owner =>
    opType === 'Identity' && !/^(\/|onnx::)/.test(name) && !outputs.some((output) => output.name === name)
      ? { weight: name }
      : undefined

const numberNode = (output: string, proto: TensorProto): NodeProto =>
  create(NodeProtoSchema, {
    opType: 'Constant',
    output: [output],
    attribute: [create(AttributeProtoSchema, { name: 'value', type: AttributeType.TENSOR, t: proto })],
  })

/**
 * The same graph with a tensor of its own for every weight where PyTorch's exporters found several that were equal and kept one: scales that are
 * all ones, biases and last layers that are all zeros, as a model has them before its first step. Only such tensors are taken apart, as what a
 * model shares on purpose is not all one number. What was merged with more than its tensors, as equal layers with equal inputs, stays one.
 *
 * @param external reads tensors that are stored beside the model
 * @throws GraphFailure where a tensor cannot be read
 * @example
 * declare const graph: file.GraphProto
 * const { initializer } = file.untied(graph, file.declarationsOf(graph))
 */
export const untied = (
  graph: GraphProto,
  declarations: Declarations,
  external?: ReadExternal,
): GraphProto => {
  const said = declarations.declared.size > 0
  if (!said && !namedByPaths(graph.node)) return graph
  const ownerOf = said ? ownersByProgram(graph, declarations) : ownersByIdentity(graph)
  const uses = new Map<string, Use[]>(graph.initializer.map(({ name }) => [name, []]))
  graph.node.forEach(({ input }, at) => {
    input.forEach((name, place) => uses.get(name)?.push({ at, place }))
  })
  const moves = graph.initializer.flatMap((proto) => {
    const found = uses.get(proto.name) ?? []
    if (found.length < 2 || !holdsFloats(proto.dataType)) return []
    const owned = found.flatMap((use) => {
      const owner = ownerOf(proto, graph.node[use.at], use.place)
      return owner === undefined ? [] : [{ ...use, owner, proto }]
    })
    return owned.length > 0 && isUniform(decodeTensor(proto, proto.name, external)) ? owned : []
  })
  // The only tensor that says it is this weight's.
  const claims = new Map<string, Set<TensorProto>>()
  for (const { owner, proto } of moves)
    if (owner !== 'number') claims.set(owner.weight, (claims.get(owner.weight) ?? new Set()).add(proto))

  const [node, weights, numbers] = [
    [...graph.node],
    new Map<string, TensorProto>(),
    new Map<string, NodeProto>(),
  ]
  for (const { at, place, owner, proto } of moves) {
    if (owner !== 'number' && claims.get(owner.weight)?.size !== 1) continue
    const name = owner === 'number' ? `${proto.name}/number` : owner.weight
    if (owner === 'number') numbers.set(name, numberNode(name, proto))
    else weights.set(name, Object.assign(clone(TensorProtoSchema, proto), { name }))
    node[at] = clone(NodeProtoSchema, node[at])
    node[at].input[place] = name
  }
  // An Identity of the name that its weight has by now says nothing.
  const left = node.filter(({ opType, input, output }) => opType !== 'Identity' || input[0] !== output[0])
  return {
    ...graph,
    initializer: [...graph.initializer, ...weights.values()],
    node: [...numbers.values(), ...left],
  }
}
