import type { ElementType } from '../types/index.js'
import { fromNumbers } from '../onnx/element.js'
import { constant, matMul, type Value } from '../onnx/index.js'
import { dims } from './known.js'
import { reshaped } from './reshaped.js'

/** A matrix that a linear operator applies along one axis (Resize, Pad with repeated elements): row-major weights. */
export type AxisMatrix = { readonly rows: number; readonly columns: number; readonly weights: Float64Array }

/**
 * The matrix of yᵢ = x at from(i).
 *
 * @example
 * const repeatLast = selectionMatrix([0, 1, 2, 2], 3)
 */
export const selectionMatrix = (from: ReadonlyArray<number>, columns: number): AxisMatrix => {
  const weights = new Float64Array(from.length * columns)
  from.forEach((j, i) => {
    weights[i * columns + j] = 1
  })
  return { rows: from.length, columns, weights }
}

const tensorOf = ({ rows, columns, weights }: AxisMatrix, type: ElementType, transposed: boolean): Value => {
  const turned = Float64Array.from(
    weights,
    (_, k) => weights[(k % rows) * columns + Math.floor(k / rows)] ?? 0,
  )
  const tensor = transposed
    ? fromNumbers(type, [columns, rows], turned)
    : fromNumbers(type, [rows, columns], weights)
  if (tensor === undefined) throw new RangeError(`weights are not exact as ${type}`)
  return constant(tensor)
}

/**
 * Where y = W·x along an axis, x̄ = Wᵀ·ȳ along it. Other axes are a batch.
 *
 * @example
 * const dx = backAlong(input('dy', 'float32', [2, 4, 5]), 1, selectionMatrix([0, 1, 2, 2], 3))
 */
export const backAlong = (dy: Value, axis: number, matrix: AxisMatrix): Value => {
  const shape = dims(dy)
  if (axis === shape.length - 1) return matMul(dy, tensorOf(matrix, dy.type, false))
  const after = shape.slice(axis + 1)
  const flat = reshaped(dy, [-1, matrix.rows, after.reduce((n, d) => n * d, 1)])
  return reshaped(matMul(tensorOf(matrix, dy.type, true), flat), [
    ...shape.slice(0, axis),
    matrix.columns,
    ...after,
  ])
}
