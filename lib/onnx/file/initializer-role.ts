import { size, type Tensor } from '../../types/index.js'
import { isFloat } from '../element.js'
import { definitions, isOperatorName } from '../operators/index.js'
import type { FunctionProto, GraphProto, NodeProto, TensorProto } from '../proto/onnx_pb.js'
import { holdsFloats } from './data-type.js'
import type { Declarations } from './declarations.js'
import { moduleOfNode, namedByPaths } from './module-name.js'

/** Whether a stored tensor is trained, and under which name; of a constant whether only its name and its uses say that it is one. */
export type InitializerRole =
  | { readonly kind: 'weight'; readonly name: string }
  | { readonly kind: 'constant'; readonly guessed: boolean }

export type InitializerRoles = { readonly of: (name: string, tensor: Tensor) => InitializerRole }

/** Inputs of operators that deriva writes with others in which a float is a setting; see `Definition.settings`. */
const otherSettings: Readonly<Record<string, ReadonlyArray<number>>> = {
  DequantizeLinear: [1],
  Dropout: [1, 2],
  RotaryEmbedding: [1, 2],
  Upsample: [1],
}

const settingPlaces = (operator: string): ReadonlyArray<number> =>
  isOperatorName(operator) ? (definitions[operator].settings ?? []) : (otherSettings[operator] ?? [])

/** Operators whose second operand is a weight and nothing else. */
export const linear: ReadonlyArray<string> = ['MatMul', 'Gemm', 'Conv', 'ConvTranspose', 'Einsum']

const normalising: ReadonlyArray<string> = [
  'LayerNormalization',
  'InstanceNormalization',
  'GroupNormalization',
  'BatchNormalization',
  'RMSNormalization',
]

/**
 * Names that exporters make up for tensors they computed themselves, where a weight has the name of its module and a dot in it:
 * `val_12`, `unsqueeze_1`, `_unsafe_view`, `scalar_tensor_default`, `onnx::MatMul_2031`. PyTorch's older exporter, which names nodes by
 * paths, makes up names of the last kind alone.
 */
const madeUpIn = (nodes: ReadonlyArray<NodeProto>): ((name: string) => boolean) => {
  const older = namedByPaths(nodes)
  return (name) =>
    /^onnx::/.test(name) || (!older && !/[./]/.test(name) && /(^_)|(_\d+$)|(^scalar_tensor)/.test(name))
}

type Use = { readonly node: NodeProto; readonly place: number }

/** All nodes of a graph, of the bodies inside, and of functions. */
const allNodes = (graph: GraphProto, functions: ReadonlyArray<FunctionProto>): ReadonlyArray<NodeProto> => {
  const nodes: NodeProto[] = []
  const pending: { readonly node: ReadonlyArray<NodeProto> }[] = [...functions, graph]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const node of next.node) {
      nodes.push(node)
      for (const { g } of node.attribute) if (g !== undefined) pending.push(g)
    }
  }
  return nodes
}

/** Everything computed from weights that have names of their own. */
const touched = (
  nodes: ReadonlyArray<NodeProto>,
  weights: ReadonlySet<string>,
  madeUp: (name: string) => boolean,
): ReadonlySet<string> => {
  const reached = new Set(weights)
  for (const node of nodes) {
    // A made-up operand of a linear operator is a weight, too.
    const weighs = linear.includes(node.opType) && madeUp(node.input[1] ?? '')
    if (weighs || node.input.some((name) => reached.has(name)))
      for (const name of node.output) reached.add(name)
  }
  return reached
}

/**
 * Whether all elements of a tensor are one number.
 *
 * @example
 * const answer = file.isUniform(float32([2], [1, 1])) // true
 */
export const isUniform = ({ data }: Tensor): boolean => {
  for (let i = 1; i < data.length; i++) if (data[i] !== data[0]) return false
  return true
}

/**
 * Tells weights from constants among the stored tensors of a file, which ONNX does not.
 *
 * Integers are constants, and so is what stands in a place that says what to do (scales, bounds, running statistics). Of other floats it
 * counts what the file says of them. Where it says nothing they are weights, unless an exporter has made them: numbers like the √2 of a
 * Gelu, ones and zeros for the scale of a normalisation without one, tables (frequencies) that meet nothing that was computed from
 * weights. A weight that an exporter has transposed or reshaped gets a made-up name; where its nodes tell the module it is from, it is
 * named after that, as PyTorch would: `down.0.to_q.weight`.
 *
 * @example
 * declare const graph: file.GraphProto
 * const role = file.initializerRoles(graph, [], file.declarationsOf(graph)).of('w', float32([1], [1]))
 */
export const initializerRoles = (
  graph: GraphProto,
  functions: ReadonlyArray<FunctionProto>,
  { declared, sourcesOf }: Declarations,
): InitializerRoles => {
  const nodes = allNodes(graph, functions)
  const byName = madeUpIn(nodes)
  const madeUp = (name: string): boolean => !declared.has(name) && byName(name)
  const uses = new Map<string, Use[]>()
  for (const node of nodes)
    node.input.forEach((name, place) => {
      if (name === '') return
      const known = uses.get(name)
      if (known === undefined) uses.set(name, [{ node, place }])
      else known.push({ node, place })
    })
  const usesOf = (name: string): ReadonlyArray<Use> => uses.get(name) ?? []
  const isSetting = (name: string): boolean =>
    usesOf(name).some(({ node, place }) => settingPlaces(node.opType).includes(place))
  const named = graph.initializer.filter(({ name, dataType }) => {
    const isFree = holdsFloats(dataType) && !isSetting(name)
    return isFree && declared.get(name) !== 'constant' && !madeUp(name)
  })
  const computed = touched(nodes, new Set(named.map(({ name }) => name)), madeUp)
  const names = moduleNames(
    graph.initializer.filter(({ name }) => madeUp(name) || sourcesOf(name) !== undefined),
    usesOf,
    new Set(graph.initializer.map(({ name }) => name)),
  )

  const isExported = (name: string, tensor: Tensor): boolean => {
    const places = usesOf(name)
    if (!madeUp(name) || places.some(({ node, place }) => linear.includes(node.opType) && place === 1))
      return false
    if (size(tensor.dims) <= 1) return true
    if (places.every(({ node }) => normalising.includes(node.opType))) return isUniform(tensor)
    return places.every(({ node }) => node.input.every((other) => other === name || !computed.has(other)))
  }

  return {
    of: (name, tensor) => {
      if (!isFloat(tensor.type) || isSetting(name)) return { kind: 'constant', guessed: false }
      const said = declared.get(name)
      const isConstant = said === undefined ? isExported(name, tensor) : said === 'constant'
      return isConstant
        ? { kind: 'constant', guessed: said === undefined }
        : { kind: 'weight', name: names.get(name) ?? name }
    },
  }
}

/** Vectors that broadcast over the other axes: what biases, and scales of norms, look like. */
const isVector = ({ dims }: TensorProto): boolean => dims.filter((length) => length !== 1n).length <= 1

/** The part of a module that a made-up tensor is, going by what it is used for. */
const partOf = (proto: TensorProto, { node, place }: Use): string | undefined => {
  if (linear.includes(node.opType)) return place === 1 ? 'weight' : undefined
  if (!isVector(proto)) return undefined
  return node.opType === 'Add' ? 'bias' : node.opType === 'Mul' ? 'weight' : undefined
}

const partName = (proto: TensorProto, use: Use): string | undefined => {
  const [module, part] = [moduleOfNode(use.node), partOf(proto, use)]
  return module === undefined || part === undefined ? undefined : `${module}.${part}`
}

/** Names after modules, for tensors that exporters made; only where that is unambiguous. */
const moduleNames = (
  made: ReadonlyArray<TensorProto>,
  usesOf: (name: string) => ReadonlyArray<Use>,
  taken: ReadonlySet<string>,
): ReadonlyMap<string, string> => {
  const wishes = new Map<string, string>()
  const wanted = new Map<string, number>()
  for (const proto of made) {
    const [wish, ...others] = new Set(usesOf(proto.name).map((use) => partName(proto, use)))
    if (wish === undefined || others.length > 0) continue
    wishes.set(proto.name, wish)
    wanted.set(wish, (wanted.get(wish) ?? 0) + 1)
  }
  return new Map([...wishes].filter(([, wish]) => wanted.get(wish) === 1 && !taken.has(wish)))
}
