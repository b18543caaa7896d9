import { mayEqual, sameDim, times, unknown, type Dim } from './dim.js'

/** The lengths of a tensor's axes; `[]` is a scalar. */
export type Shape = ReadonlyArray<Dim>

/**
 * `[batch, 3, 8, 8]`: how shapes read in messages.
 *
 * @example
 * const text = showShape(['batch', 3, 8, 8])
 */
export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`

/**
 * Whether every axis has a known length.
 *
 * @example
 * const known = isStatic(['batch', 3]) // false
 */
export const isStatic = (shape: Shape): shape is ReadonlyArray<number> =>
  shape.every((dim) => typeof dim === 'number')

/**
 * Whether two shapes are certainly the same; `?` equals nothing.
 *
 * @example
 * const same = sameShape(['batch', 3], ['batch', 3]) // true
 */
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dim, i) => sameDim(dim, b[i] ?? unknown))

/**
 * Whether two shapes could be the same once symbols are numbers.
 *
 * @example
 * const possible = mayMatch(['batch', 3], [4, 3]) // true
 */
export const mayMatch = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dim, i) => mayEqual(dim, b[i] ?? unknown))

/**
 * The number of elements.
 *
 * @example
 * const count = elementCount(['batch', 3]) // '3*batch'
 */
export const elementCount = (shape: Shape): Dim => shape.reduce<Dim>(times, 1)

const broadcastDim = (a: Dim, b: Dim): Dim | undefined => {
  if (a === 1) return b
  if (b === 1 || a === b) return a
  if (typeof a === 'number') return typeof b === 'number' ? undefined : a
  // Of two different symbols either may turn out to be 1.
  return typeof b === 'number' ? b : unknown
}

/**
 * The shape both shapes broadcast to (aligned at their last axes, 1 stretches), undefined where they do not.
 *
 * @example
 * const shape = broadcast(['batch', 1, 4], [3, 1]) // ['batch', 3, 4]
 */
export const broadcast = (a: Shape, b: Shape): Shape | undefined => {
  const rank = Math.max(a.length, b.length)
  const shape: Dim[] = []
  for (let i = 0; i < rank; i++) {
    const dim = broadcastDim(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1)
    if (dim === undefined) return undefined
    shape.push(dim)
  }
  return shape
}

/**
 * An axis counted from the front, or undefined where it is outside −rank … rank−1.
 *
 * @example
 * const last = axisOf(-1, 4) // 3
 */
export const axisOf = (axis: number, rank: number): number | undefined =>
  Number.isInteger(axis) && axis >= -rank && axis < rank ? (axis < 0 ? axis + rank : axis) : undefined
