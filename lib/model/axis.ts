import { GraphFailure, showShape, type Value } from '../onnx/index.js'

/**
 * The length of an axis that a module needs to know, counted from the end where negative.
 *
 * @throws GraphFailure where the axis is not there or its length is a symbol
 * @example
 * const width = axis(input('tokens', 'float32', ['batch', 49, 128]), -1) // 128
 */
export const axis = (x: Value, i: number): number => {
  const length = x.shape.at(i)
  if (typeof length !== 'number')
    throw new GraphFailure(`axis ${i} of ${showShape(x.shape)} has to be a known number`)
  return length
}
