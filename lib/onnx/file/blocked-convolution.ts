import { create } from '@bufbuild/protobuf'
import { int } from '../attribute.js'
import { encodeAttribute } from './encode-attribute.js'
import { NodeProtoSchema, type NodeProto } from '../proto/onnx_pb.js'
import type { Node } from '../value.js'

/** The operators with which ONNX Runtime's CPU computes over blocks of channels (NCHWc); every plain build has them. */
export const blockedDomain = 'com.microsoft.nchwc'

/**
 * A Conv as three nodes: the image is laid out in blocks of channels, convolved, and laid out as before. The weight has to be laid out
 * already: its elements in the order [out / block, in / block, …kernel, block of in, block of out].
 *
 * @param written the Conv as it would be written
 * @param of what it was written for
 * @param fresh makes names that nothing has yet
 * @example
 * declare const written: file.NodeProto, of: Node
 * const nodes = file.blockedConvolution(written, of, (wish) => `${wish}_1`)
 */
export const blockedConvolution = (
  written: NodeProto,
  of: Node,
  fresh: (wish: string) => string,
): ReadonlyArray<NodeProto> => {
  const [x = '', ...others] = written.input
  const [y = ''] = written.output
  const [image, result] = [fresh(`${y}_image`), fresh(`${y}_blocks`)]
  const node = (
    opType: string,
    input: string[],
    output: string,
    attribute: NodeProto['attribute'] = [],
  ): NodeProto =>
    create(NodeProtoSchema, {
      name: output,
      domain: blockedDomain,
      opType,
      input,
      output: [output],
      attribute,
    })
  const channels = encodeAttribute('channels', int(0), of.outputs[0]?.shape[1])
  return [
    node('ReorderInput', [x], image),
    node('Conv', [image, ...others], result, written.attribute),
    node('ReorderOutput', [result], y, channels === undefined ? [] : [channels]),
  ]
}
