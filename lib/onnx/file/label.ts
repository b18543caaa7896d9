import type { NodeProto } from '../proto/onnx_pb.js'

/**
 * What a node of a file is called in messages: its name, or that of its first result.
 *
 * @example
 * declare const node: file.NodeProto
 * const label = file.labelOf(node)
 */
export const labelOf = ({ name, output }: NodeProto): string => (name !== '' ? name : (output[0] ?? ''))
