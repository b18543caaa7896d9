import {
  concat,
  constant,
  expand,
  expandTo,
  type OperatorName,
  type OperatorNode,
  rebuilt,
  shapeOf,
  slice,
  toNumbers,
  type Value,
} from '../../onnx/index.js'
import { headRows, int64, type Tensor } from '../../types/index.js'

const rowsAreEqual = ({ data, dims }: Tensor): boolean => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const row = bytes.length / dims[0]
  return bytes.every((byte, i) => byte === bytes[i % row])
}

/**
 * The operands of which row i of a result takes row i alone, while it takes all of the others whichever row it is; undefined for operators
 * that are not so.
 *
 * @param rank of the longest operand: shorter ones are the same for all rows
 */
const takenByRow = (node: OperatorNode, rank: number): ReadonlyArray<number> | undefined => {
  const all = [...node.inputs.keys()]
  switch (node.operator) {
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
    case 'Where':
    case 'Sigmoid':
    case 'Tanh':
      return all
    case 'MatMul':
      return rank > 2 ? all : [0]
    case 'Gemm':
      return node.attributes.transA ? undefined : [0, 2]
    case 'Split':
      return node.attributes.axis === 0 ? undefined : [0]
    case 'Concat':
    case 'GatherElements':
    case 'ScatterElements':
      return node.attributes.axis === 0 ? undefined : all
    default:
      return undefined
  }
}

const rankOf = (operands: ReadonlyArray<Value | undefined>): number =>
  Math.max(0, ...operands.map((x) => x?.shape.length ?? 0))

/** What was found before: a node that many others read is looked through once. */
const rowsFound = new WeakMap<OperatorNode, ReadonlyArray<Value> | 'differ'>()

/** The outputs of an operator for one row, where its operands have equal rows; or that they may differ. */
const computedRow = (node: OperatorNode): ReadonlyArray<Value> | 'differ' => {
  const rank = rankOf(node.inputs)
  const taken = takenByRow(node, rank)
  if (taken === undefined || node.outputs[0].shape.length !== rank) return 'differ'
  const rows = node.inputs.map((x, i) =>
    x !== undefined && x.shape.length === rank && taken.includes(i) ? oneRow(x) : x,
  )
  return rows.some((row, i) => row === undefined && node.inputs[i] !== undefined)
    ? 'differ'
    : rebuilt(node, rows)
}

/** One row of what a graph has for every sample of the batch that it was exported for; undefined where rows may differ. */
const oneRow = (value: Value): Value | undefined => {
  const { node, output, shape } = value
  if (shape[0] === 1) return value
  // Exporters repeat learnt weights too: such copies of one do not train.
  const repeated =
    node.kind === 'constant' ? node.tensor : node.kind === 'parameter' ? node.initial : undefined
  if (repeated !== undefined) return rowsAreEqual(repeated) ? constant(headRows(repeated, 1)) : undefined
  if (node.kind !== 'operator') return undefined
  if (node.operator === 'Expand') {
    const [source] = node.inputs
    const lengths = shape.slice(1).flatMap((dim) => (typeof dim === 'number' ? [dim] : []))
    const repeats = source !== undefined && (source.shape.length < shape.length || source.shape[0] === 1)
    return repeats && lengths.length === shape.length - 1 ? expand(source, [1, ...lengths]) : undefined
  }
  const rows = rowsFound.get(node) ?? computedRow(node)
  rowsFound.set(node, rows)
  return rows === 'differ' ? undefined : rows[output]
}

/** Operators that repeat one row of an operand for every row of the others by themselves. */
const broadcasts = (node: OperatorNode): boolean =>
  !['Concat', 'GatherElements', 'Gemm', 'ScatterElements'].includes(node.operator)

/** Lengths, of which the first is that of another value's leading axis. */
const lengthsLike = (x: Value, rest: ReadonlyArray<number>): Value =>
  concat([slice(shapeOf(x), [0], [1], [0]), constant(int64([rest.length], rest))], 0)

/** The operand that says how long a result is. */
const lengthsPlace: Readonly<Partial<Record<OperatorName, number>>> = { Expand: 1, Resize: 3 }

/** Lengths without the batch that the graph was exported for, for an operator that keeps the leading axis of its first operand as long as it is. */
const withoutBatch = (
  node: OperatorNode,
  operands: ReadonlyArray<Value | undefined>,
): ReadonlyArray<Value | undefined> | undefined => {
  const place = lengthsPlace[node.operator]
  if (place === undefined) return undefined
  const [[x], lengths] = [operands, operands[place]?.node]
  if (x === undefined || lengths?.kind !== 'constant') return operands
  const [first, ...rest] = toNumbers(lengths.tensor)
  const keeps = first === node.inputs[0]?.shape[0] && rest.length === x.shape.length - 1
  return keeps ? operands.with(place, lengthsLike(x, rest)) : operands
}

/**
 * The operands of an operator for a batch of any length, where some of them still are as they were for the batch of one length that the graph was exported
 * for: learnt tokens or positions, say, which exporters repeat for each sample of it, or the lengths that a picture is resized to.
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
  const lengthened = withoutBatch(node, operands)
  if (lengthened !== undefined) return lengthened
  const rank = rankOf(operands)
  const taken = takenByRow(node, rank) ?? []
  return operands.map((x, i) => {
    if (x === undefined || !taken.includes(i) || x.shape.length !== rank || typeof x.shape[0] !== 'number')
      return x
    if (x.shape[0] === 1 && broadcasts(node)) return x
    const row = oneRow(x)
    if (row === undefined || broadcasts(node)) return row ?? x
    return expandTo(row, lengthsLike(batch, row.shape.slice(1).map(Number)))
  })
}
