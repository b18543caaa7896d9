import type { NodeProto } from '../proto/onnx_pb.js'

/**
 * The PyTorch module that a node was exported from, `blocks.0.attn.to_q`, as its exporter wrote it down: the newer one in the node's
 * metadata, the older one in its name.
 *
 * @example
 * declare const node: file.NodeProto
 * const module = file.moduleOfNode(node)
 */
export const moduleOfNode = (node: NodeProto): string | undefined => {
  const scopes = node.metadataProps.find(({ key }) => key === 'pkg.torch.onnx.name_scopes')?.value
  // A list as Python prints it: from the outermost module, '', to the operation itself.
  if (scopes !== undefined) return nonEmpty([...scopes.matchAll(/'([^']*)'/g)].at(-2)?.[1])
  // A path whose last part is the operator: /blocks.0/attn/to_q/MatMul.
  const [first, ...path] = node.name.split('/')
  if (first !== '' || path.length < 2) return undefined
  return nonEmpty(path.slice(0, -1).reduce(joined, ''))
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/** Lists of modules appear with their index in one part, `/down_blocks.1/attentions.0`, and in full after one another, `/net/net.0`. */
const joined = (module: string, part: string): string => {
  const last = module.slice(module.lastIndexOf('.') + 1)
  if (module === '') return part
  return part.startsWith(`${last}.`) ? `${module}${part.slice(last.length)}` : `${module}.${part}`
}
