import {
  concat,
  constant,
  expand,
  expandTo,
  type OperatorNode,
  shapeOf,
  slice,
  type Value,
} from '../../onnx/index.js'
import { headRows, int64, type Tensor } from '../../types/index.js'

const rowsAreEqual = ({ data, dims }: Tensor): boolean => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const row = bytes.length / dims[0]
  return bytes.every((byte, i) => byte === bytes[i % row])
}

/** One row of what a graph has for every sample of the batch that it was exported for; undefined where rows may differ. */
const oneRow = (value: Value): Value | undefined => {
  const { node, shape } = value
  if (shape[0] === 1) return value
  // Exporters repeat learnt weights too: such copies of one do not train.
  const repeated =
    node.kind === 'constant' ? node.tensor : node.kind === 'parameter' ? node.initial : undefined
  if (repeated !== undefined) return rowsAreEqual(repeated) ? constant(headRows(repeated, 1)) : undefined
  if (node.kind !== 'operator' || node.operator !== 'Expand') return undefined
  const [source] = node.inputs
  const lengths = shape.slice(1).flatMap((dim) => (typeof dim === 'number' ? [dim] : []))
  const repeats = source !== undefined && (source.shape.length < shape.length || source.shape[0] === 1)
  return repeats && lengths.length === shape.length - 1 ? expand(source, [1, ...lengths]) : undefined
}

/** What reads its operands sample by sample: along the leading axis of the longest of them, or not along the axis that it joins. */
const alongBatch = ({ operator, attributes }: OperatorNode, rank: number): boolean => {
  switch (operator) {
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
    case 'Where':
    case 'MatMul':
      return rank > (operator === 'MatMul' ? 2 : 0)
    case 'Concat':
      return attributes.axis !== 0 && attributes.axis !== -rank
    default:
      return false
  }
}

/**
 * The operands of an operator for a batch of any length, where some of them still are as they were for the batch of one length that the graph was exported
 * for: learnt tokens or positions, say, which exporters repeat for each sample of it.
 *
 * @param node as it was exported
 * @param operands what it is to read now
 * @param batch the operand that shows how long the batch is
 * @returns the same operands where nothing is to be done, or nothing can be
 * @example
 * const [tokens, x] = [constant(float32([2, 1, 4], [1, 2, 3, 4, 1, 2, 3, 4])), input('x', 'float32', [2, 8, 4])]
 * const { node } = concat([tokens, x], 1)
 * const latents = input('latents', 'float32', ['batch', 8, 4])
 * const [repeated] = node.kind === 'operator' ? perBatch(node, [tokens, latents], latents) : []
 */
export const perBatch = (
  node: OperatorNode,
  operands: ReadonlyArray<Value | undefined>,
  batch: Value,
): ReadonlyArray<Value | undefined> => {
  const rank = Math.max(...operands.map((x) => x?.shape.length ?? 0))
  if (!alongBatch(node, rank)) return operands
  return operands.map((x) => {
    if (x === undefined || x.shape.length !== rank || typeof x.shape[0] !== 'number') return x
    // One row is broadcast by all but Concat.
    if (x.shape[0] === 1 && node.operator !== 'Concat') return x
    const row = oneRow(x)
    if (row === undefined || node.operator !== 'Concat') return row ?? x
    const rest = constant(int64([rank - 1], row.shape.slice(1).map(Number)))
    return expandTo(row, concat([slice(shapeOf(batch), [0], [1], [0]), rest], 0))
  })
}
