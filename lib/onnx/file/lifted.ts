import { clone } from '@bufbuild/protobuf'
import { size } from '../../types/index.js'
import {
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  TensorProtoSchema,
} from '../proto/onnx_pb.js'
import { holdsFloats } from './data-type.js'
import type { Declarations } from './declarations.js'
import { linear } from './initializer-role.js'
import { namedByPaths, scopesOf } from './module-name.js'

/** The floats that a `Constant` holds, where they are more than one number. */
const heldBy = ({ opType, domain, attribute }: NodeProto): TensorProto | undefined => {
  const tensor =
    opType === 'Constant' && domain === '' ? attribute.find(({ name }) => name === 'value')?.t : undefined
  if (tensor === undefined) return undefined
  return holdsFloats(tensor.dataType) && size(tensor.dims.map(Number)) > 1 ? tensor : undefined
}

/**
 * The same graph with initializers in place of those `Constant` nodes that linear operators read as their weights: some exporters write all weights
 * that way. PyTorch's do not, and deriva does not: what is a constant in their files was one.
 *
 * @returns `held`, the names of floats that constants still hold, which may be weights for all that is known
 * @example
 * declare const graph: file.GraphProto
 * const { held } = file.lifted(graph, [], file.declarationsOf(graph))
 */
export const lifted = (
  graph: GraphProto,
  functions: ReadonlyArray<FunctionProto>,
  { declared }: Declarations,
): { readonly graph: GraphProto; readonly held: ReadonlyArray<string> } => {
  const inside = functions.flatMap(({ node }) => node)
  const isTold =
    declared.size > 0 ||
    namedByPaths(graph.node) ||
    [...graph.node, ...inside].some((node) => scopesOf(node) !== undefined)
  if (isTold) return { graph, held: [] }
  const weights = new Set(
    graph.node.flatMap(({ opType, input }) => (linear.includes(opType) ? input.slice(1, 2) : [])),
  )
  const initializer = graph.node.flatMap((node) => {
    const tensor = heldBy(node)
    if (tensor === undefined || !weights.has(node.output[0])) return []
    return [Object.assign(clone(TensorProtoSchema, tensor), { name: node.output[0] })]
  })
  const moved = new Set(initializer.map(({ name }) => name))
  const node = graph.node.filter(({ output }) => !moved.has(output[0]))
  return {
    graph: { ...graph, node, initializer: [...graph.initializer, ...initializer] },
    held: [...node, ...inside].flatMap((one) => (heldBy(one) === undefined ? [] : one.output.slice(0, 1))),
  }
}
