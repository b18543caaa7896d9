import { isStatic, showShape, type Value } from '../onnx/index.js'
import { Refusal } from './refusal.js'

/**
 * The lengths of a value's axes, all numbers. Gradients are built for one batch size: bind symbols with `substitute` first.
 *
 * @example
 * const [batch = 1] = dims(input('latents', 'float32', [8, 1, 28, 28]))
 */
export const dims = (value: Value): ReadonlyArray<number> => {
  if (isStatic(value.shape)) return value.shape
  throw new Refusal(
    `has an operand of shape ${showShape(value.shape)}; gradients need numbers, so bind symbols such as the batch with substitute first`,
  )
}

/**
 * The elements of an integer input that says what an operator does: axes, indices, sizes.
 *
 * @example
 * const axes = integers(constant(int64([2], [0, 2])))
 */
export const integers = (value: Value): ReadonlyArray<number> => {
  const known = knownIntegers(value)
  if (known === undefined)
    throw new Refusal('takes axes or sizes that are only known when the graph runs; make them constants')
  return known
}

/**
 * The elements of an integer value where they are known before the graph runs.
 *
 * @example
 * const index = knownIntegers(input('label', 'int64', [8]))
 */
export const knownIntegers = ({ node, output }: Value): ReadonlyArray<number> | undefined => {
  if (node.kind === 'constant') return Array.from(node.tensor.data, Number)
  const elements = node.outputs[output]?.elements
  return elements?.every((x) => typeof x === 'number') === true ? elements : undefined
}
