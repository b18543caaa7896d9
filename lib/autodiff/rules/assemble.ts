import { pad, reduceSum, single, slice, sub, type Value } from '../../onnx/index.js'
import { backAlong, selectionMatrix } from '../axis-matrix.js'
import type { Application } from '../application.js'
import { sumTo } from '../broadcast.js'
import { accumulated, type Part } from '../cotangent.js'
import { dims, integers } from '../known.js'
import { reshaped } from '../reshaped.js'
import { unaryRule, type Rule, type Rules } from '../rule.js'

/** The axes an optional input names, counted from the front; `otherwise` where it is left out. */
const axesOf = (
  at: Application,
  i: number,
  rank: number,
  otherwise: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const given = at.inputs[i]
  return given === undefined ? otherwise : integers(given).map((axis) => (axis < 0 ? axis + rank : axis))
}

const firstOf = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

/** y = the inputs in a row along an axis.  x̄ᵢ = its slice of ȳ. */
const concatenation: Rule<'Concat'> = (dy, at) => {
  const { axis } = at.attributes
  let end = 0
  return at.inputs.map((_, i) => {
    const start = end
    end += dims(at.input(i))[axis] ?? 0
    return at.wants(i) ? slice(dy, [start], [end], [axis]) : undefined
  })
}

/** yᵢ = x cut along an axis.  x̄ = the ȳᵢ in a row, zeros for parts the loss does not depend on. */
const splitting: Rule<'Split'> = (_, at) => {
  const { axis } = at.attributes
  const parts: Part[] = []
  let start = 0
  at.outputs.forEach((y, i) => {
    const dy = at.cotangents[i]
    if (dy !== undefined) parts.push({ value: dy, axis, start, step: 1 })
    start += dims(y)[axis] ?? 0
  })
  const [only, ...others] = parts
  return [others.length === 0 ? only : accumulated(at.input(0), parts)]
}

/** y = every step-th element of x along some axes.  x̄ = ȳ in the same places. */
const slicing: Rule<'Slice'> = (dy, at) => {
  const shape = dims(at.input(0))
  const starts = integers(at.input(1))
  const axes = axesOf(at, 3, shape.length, firstOf(starts.length))
  const steps = at.inputs[4] === undefined ? axes.map(() => 1) : integers(at.input(4))
  let value = dy
  let part: Part | undefined
  axes.forEach((axis, i) => {
    const length = shape[axis] ?? 1
    const n = dims(dy)[axis] ?? 0
    const step = steps[i] ?? 1
    if (n === length && step === 1) return
    const start = starts[i] ?? 0
    const first = Math.min(Math.max(start < 0 ? start + length : start, 0), step < 0 ? length - 1 : length)
    if (part !== undefined) value = placed(part, shape)
    // Backwards is forwards from the last element, reversed.
    part =
      step < 0
        ? { value: reversed(value, axis), axis, start: first + (n - 1) * step, step: -step }
        : { value, axis, start: first, step }
  })
  return [part ?? dy]
}

const reversed = (value: Value, axis: number): Value => slice(value, [-1], [-(2 ** 31)], [axis], [-1])

/** A part made whole along its axis only. */
const placed = (part: Part, shape: ReadonlyArray<number>): Value => {
  const target = dims(part.value).map((n, i) => (i === part.axis ? (shape[i] ?? n) : n))
  return accumulated({ ...part.value, shape: target }, [part]) ?? part.value
}

/** y = x with more elements at both ends of its axes.  x̄ = ȳ without them, plus, where they repeat elements of x, theirs. */
const padding: Rule<'Pad'> = (dy, at) => {
  const shape = dims(at.input(0))
  const axes = axesOf(at, 3, shape.length, firstOf(shape.length))
  const amounts = integers(at.input(1))
  const before = firstOf(shape.length).map((axis) => amounts[axes.indexOf(axis)] ?? 0)
  const after = firstOf(shape.length).map((axis) =>
    axes.includes(axis) ? (amounts[axes.indexOf(axis) + axes.length] ?? 0) : 0,
  )
  if (at.attributes.mode === 'constant') {
    const crops = [...before, ...after].some((n) => n < 0)
    const dx = crops
      ? pad(
          dy,
          [...before, ...after].map((n) => -n),
        )
      : slice(
          dy,
          before,
          before.map((n, i) => n + (shape[i] ?? 0)),
          firstOf(shape.length),
        )
    return [dx, undefined, at.wants(2) ? sub(sumTo(dy, []), sumTo(dx, [])) : undefined]
  }
  const source = sourceIndex[at.attributes.mode]
  return [
    shape.reduce((value, length, axis) => {
      const [low, high] = [before[axis], after[axis]]
      if (low === 0 && high === 0) return value
      const from = firstOf(length + low + high).map((i) => source(i - low, length))
      return backAlong(value, axis, selectionMatrix(from, length))
    }, dy),
  ]
}

/** Which element of an axis is repeated at index i outside it. */
const sourceIndex = {
  edge: (i: number, length: number): number => Math.min(Math.max(i, 0), length - 1),
  reflect: (i: number, length: number): number => {
    const period = Math.max(2 * (length - 1), 1)
    const j = ((i % period) + period) % period
    return Math.min(j, period - j)
  },
  wrap: (i: number, length: number): number => ((i % length) + length) % length,
}

/** y = x repeated along its axes.  x̄ = ȳ summed over the repetitions. */
const tiling: Rule<'Tile'> = (dy, at) => {
  const shape = dims(at.input(0))
  const repeats = integers(at.input(1))
  const apart = reshaped(
    dy,
    shape.flatMap((n, i) => [repeats[i] ?? 1, n]),
  )
  return [
    reshaped(
      reduceSum(
        apart,
        shape.map((_, i) => 2 * i),
        false,
      ),
      shape,
    ),
  ]
}

/** Operators that put tensors together, take them apart, repeat and cut them. */
export const assembling = {
  Concat: concatenation,
  Split: splitting,
  Slice: slicing,
  Pad: padding,
  Tile: tiling,
  /** y = x broadcast.  x̄ = ȳ summed where x was repeated, which the walker does. */
  Expand: unaryRule((dy) => dy),
  /** yᵢ = Σ xⱼ over j ≤ i.  x̄ⱼ = Σ ȳᵢ over i ≥ j: the same from the other end. */
  CumSum: (dy, at) => {
    const { exclusive, reverse } = at.attributes
    return [single('CumSum', [dy, at.input(1)], { exclusive, reverse: !reverse })]
  },
  /** y = the upper or lower triangle of x.  x̄ = that of ȳ. */
  Trilu: (dy, at) => [single('Trilu', [dy, at.inputs[1]], at.attributes)],
  Range: { refused: 'has a length that follows from its operands, so it has to be constant' },
  ConstantOfShape: 'flat',
  Shape: 'flat',
  Size: 'flat',
} satisfies Partial<Rules>
