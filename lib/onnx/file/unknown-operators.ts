import { GraphFailure } from '../graph-failure.js'
import type { FunctionProto, GraphProto, NodeProto } from '../proto/onnx_pb.js'
import { isRead } from './forms.js'
import { labelOf } from './label.js'
import { notSupported } from './not-supported.js'
import { functionKey, standardDomain } from './run-graph.js'
import { isSequenceStep } from './sequence.js'

/** The nodes of a graph and of the functions that it calls. Not those of the branches of an `If`, of which only one is read. */
const nodesRead = (
  graph: GraphProto,
  functions: ReadonlyMap<string, FunctionProto>,
): ReadonlyArray<NodeProto> => {
  const nodes: NodeProto[] = []
  const bodies = new Set<GraphProto | FunctionProto>([graph])
  // A set is walked through to what is added on the way.
  for (const { node } of bodies)
    for (const called of node) {
      const body = functions.get(functionKey(called.domain, called.opType, called.overload))
      if (body === undefined) nodes.push(called)
      else bodies.add(body)
    }
  return nodes
}

const isKnown = ({ domain, opType }: NodeProto): boolean =>
  isRead(standardDomain(domain), opType) ||
  (standardDomain(domain) === '' && (isSequenceStep(opType) || opType === 'If'))

/**
 * Refuses a graph with operators that are not supported: all of them at once, each with one of its nodes and what to do instead.
 *
 * @throws GraphFailure where there is one
 *
 * @example
 * declare const graph: file.GraphProto
 * file.refuseUnknownOperators(graph, new Map())
 */
export const refuseUnknownOperators = (
  graph: GraphProto,
  functions: ReadonlyMap<string, FunctionProto>,
): void => {
  const found = new Map<string, NodeProto[]>()
  for (const node of nodesRead(graph, functions)) {
    if (isKnown(node)) continue
    const reason = notSupported(standardDomain(node.domain), node.opType)
    const others = found.get(reason)
    if (others === undefined) found.set(reason, [node])
    else others.push(node)
  }
  const reasons = [...found].map(([reason, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    return `node "${labelOf(first)}" (${first.opType})${more}: ${reason}`
  })
  if (reasons.length === 1) throw new GraphFailure(reasons[0])
  if (reasons.length > 1)
    throw new GraphFailure([`${reasons.length} operators are not supported`, ...reasons].join('\n  '))
}
