import { byteLength } from '../types/index.js'
import type { OperatorName } from './operators/index.js'
import { isStatic } from './shape.js'
import type { Value } from './value.js'

/** Operators that give the same elements in another shape, which a runtime does without copying them: results share the memory of the first input. */
export const views: ReadonlySet<OperatorName> = new Set<OperatorName>([
  'Flatten',
  'Identity',
  'Reshape',
  'Squeeze',
  'StopGradient',
  'Unsqueeze',
])

/**
 * The bytes of some tensors together; those with a length that is not known count 0.
 *
 * @example
 * const bytes = bytesOfValues([input('x', 'float32', [2, 3]), input('y', 'float32', [])]) // 28
 */
export const bytesOfValues = (values: ReadonlyArray<Pick<Value, 'type' | 'shape'>>): number =>
  values.reduce((sum, { type, shape }) => sum + (isStatic(shape) ? byteLength({ type, dims: shape }) : 0), 0)
