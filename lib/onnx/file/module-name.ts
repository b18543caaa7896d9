import type { NodeProto } from '../proto/onnx_pb.js'
import { pythonList } from './python-list.js'

/**
 * The modules that a node is in, from the outermost, `''`, to the operation itself, as PyTorch's newer exporter writes them down.
 *
 * @example
 * declare const node: file.NodeProto
 * const scopes = file.scopesOf(node) // '', 'blocks.0', 'blocks.0.to_q', 'linear_3'
 */
export const scopesOf = (node: NodeProto): ReadonlyArray<string> | undefined => {
  const scopes = node.metadataProps.find(({ key }) => key === 'pkg.torch.onnx.name_scopes')?.value
  return scopes === undefined ? undefined : pythonList(scopes)
}

/**
 * Whether nodes have the names that PyTorch's older exporter gives them, paths of modules: `/blocks.0/to_q/MatMul`.
 *
 * @example
 * declare const graph: file.GraphProto
 * const isOlder = file.namedByPaths(graph.node)
 */
export const namedByPaths = (nodes: ReadonlyArray<NodeProto>): boolean =>
  nodes.some(({ name }) => name.startsWith('/')) && !nodes.some((node) => scopesOf(node) !== undefined)

/**
 * The PyTorch module that a node was exported from, `blocks.0.attn.to_q`, as its exporter wrote it down: the newer one in the node's
 * metadata, the older one in its name.
 *
 * @example
 * declare const node: file.NodeProto
 * const module = file.moduleOfNode(node)
 */
export const moduleOfNode = (node: NodeProto): string | undefined => {
  const scopes = scopesOf(node)
  if (scopes !== undefined) return nonEmpty(scopes.at(-2))
  // A path whose last part is the operator: /blocks.0/attn/to_q/MatMul.
  const [first, ...path] = node.name.split('/')
  if (first !== '' || path.length < 2) return undefined
  return nonEmpty(path.slice(0, -1).reduce(joined, ''))
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/**
 * Lists of modules appear with their index in one part, `/down_blocks.1/attentions.0`, and in full after one another, `/net/net.0`, and
 * `/blocks.1/blocks.1.0` where a list is in a list. What a part repeats of the module so far, from some dot to its end, counts once.
 */
const joined = (module: string, part: string): string => {
  const names = module === '' ? [] : module.split('.')
  const repeated = names.findIndex((_, i) => part.startsWith(`${names.slice(i).join('.')}.`))
  return [...names.slice(0, repeated < 0 ? names.length : repeated), part].join('.')
}
