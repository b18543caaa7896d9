import {
  type Dim,
  dims,
  GraphFailure,
  isStatic,
  type Node,
  type OperatorNode,
  rebuilt,
  reshape,
  type Shape,
  showShape,
  topological,
  type Value,
} from '../../onnx/index.js'
import { perBatch } from './per-batch.js'

/** The symbol of the batch. */
export const batchAxis = 'batch'

/** Whether an axis has the batch, or a multiple of it, as its length. */
const holdsBatch = (dim: Dim | undefined): boolean =>
  dim !== undefined && dims.divide(dim, batchAxis) !== undefined && typeof dim === 'string'

/** What only gives a single time an axis, or an entry for each sample: a time for each sample has both already. */
const spreads = ['Unsqueeze', 'Reshape', 'Expand', 'Flatten', 'Squeeze']

const spreadsOnly = ({ operator: name, outputs: [{ shape }] }: OperatorNode): boolean =>
  spreads.includes(name) &&
  shape.length === 1 &&
  // One number is expanded to one for each sample, whatever their number was when the graph was exported.
  (shape[0] === 1 || holdsBatch(shape[0]) || name === 'Expand')

/**
 * Lengths to which the elements of `x` are laid out anew, the batch being the outermost axis before and after.
 *
 * @param exported the batch that the graph was exported for: one longer than 1 is the outermost axis that is longer than 1
 */
const laidOut = (
  { shape }: Value,
  before: ReadonlyArray<number>,
  exported: number,
): ReadonlyArray<number> | undefined => {
  const outermost = (lengths: Shape): number =>
    exported === 1
      ? 0
      : Math.max(
          0,
          lengths.findIndex((dim) => dim !== 1),
        )
  return holdsBatch(shape[outermost(shape)]) ? before.with(outermost(before), -1) : undefined
}

const isOne = (shape: Shape): boolean => shape.length <= 1 && shape.every((dim) => dim === 1)

/**
 * The same expressions on inputs that have the batch as their leading axis, where the graph was exported for a batch of one length, or
 * with a single time for all samples.
 *
 * - A Reshape to known lengths makes its outermost axis as many times longer as its input's is: the batch is the outermost axis.
 * - What the graph repeats for every sample of the batch that it was exported for is repeated for every sample of any; see `perBatch`.
 * - What spreads a single time over the batch is left out.
 *
 * @param inputs what is to be read instead of each input
 * @param time the input that is one number ([] or [1]) and becomes one for each sample, if there is one
 * @throws GraphFailure where an operator cannot have it so
 * @example
 * const time = input('t', 'float32', [])
 * const x = input('x', 'float32', [1, 4])
 * const y = mul(x, unsqueeze(unsqueeze(time, [0]), [1]))
 * const [perSample] = rebatched(
 *   [y],
 *   new Map([[time.node, input('timestep', 'float32', ['batch'])], [x.node, input('latents', 'float32', ['batch', 4])]]),
 *   time.node,
 * )
 */
export const rebatched = (
  outputs: ReadonlyArray<Value>,
  inputs: ReadonlyMap<Node, Value>,
  time?: Node,
): ReadonlyArray<Value> => {
  const replaced = new Map<Node, ReadonlyArray<Value>>([...inputs].map(([node, value]) => [node, [value]]))
  const [exported = 1] = [...inputs].flatMap(([node, { shape }]) => {
    const length = node.outputs[0].shape.at(0)
    return holdsBatch(shape[0]) && typeof length === 'number' && node !== time ? [length] : []
  })
  /** One number in the graph as it was, one for each sample in the new one. */
  const single = new Set<Node>(time === undefined ? [] : [time])
  const isSingle = (x: Value | undefined): boolean => x !== undefined && single.has(x.node)
  const current = (value: Value): Value => replaced.get(value.node)?.[value.output] ?? value
  /** The first node to make of any batch one of the length that the graph was exported for. */
  let lost: OperatorNode | undefined
  for (const node of topological(outputs)) {
    if (node.kind !== 'operator') continue
    const operands = node.inputs.map((x) => x && current(x))
    if (operands.every((x, i) => x === node.inputs[i])) continue
    const [x] = operands
    const [{ shape: before }] = node.outputs
    if (x !== undefined && isSingle(node.inputs[0]) && spreadsOnly(node)) {
      replaced.set(node, [x])
      if (before[0] === 1) single.add(node)
      continue
    }
    const lengths =
      node.operator === 'Reshape' && x !== undefined && isStatic(before)
        ? laidOut(x, before, exported)
        : undefined
    if (x !== undefined && lengths !== undefined) replaced.set(node, [reshape(x, lengths)])
    else {
      const batched = operands.find((operand) => holdsBatch(operand?.shape[0]))
      const result = rebuilt(node, batched === undefined ? operands : perBatch(node, operands, batched))
      replaced.set(node, result)
      if (batched !== undefined && before[0] === exported && !holdsBatch(result[0].shape[0])) lost ??= node
      if (node.inputs.some(isSingle)) {
        const [{ shape: after }] = result
        if (isOne(before) && after.length === 1) single.add(node)
        else if (after.length !== before.length || !holdsBatch(after[0]))
          throw new GraphFailure(
            `${node.operator} "${node.name ?? ''}" makes ${showShape(before)} of the one time that the model takes for all samples, and has no room for a time of each`,
            node.name,
          )
      }
    }
  }
  const results = outputs.map(current)
  if (lost !== undefined && results.some(({ shape }) => typeof shape[0] === 'number'))
    throw new GraphFailure(
      `node "${lost.name ?? ''}" (${lost.operator}) makes ${showShape(lost.outputs[0].shape)} of batches of any length`,
      lost.name,
    )
  return results
}
