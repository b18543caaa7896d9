import { reshape, type OperatorName, type Value } from '../onnx/index.js'

/** Operators that give the same elements in the same order, in another shape. */
const shapings: ReadonlySet<OperatorName> = new Set<OperatorName>([
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
])

/**
 * The same elements in other dimensions, one of which may be −1. Of two changes of shape only the last one counts.
 *
 * @example
 * const x = input('x', 'float32', [8, 4, 4])
 * const same = reshaped(reshaped(x, [8, 16]), [8, 4, 4]) // x
 */
export const reshaped = (value: Value, dims: ReadonlyArray<number>): Value => {
  const { node } = value
  const inner = node.kind === 'operator' && shapings.has(node.operator) ? node.inputs[0] : undefined
  return reshape(inner ?? value, dims)
}
