import { choice } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { plus, unknown } from '../dim.js'

/** Padding before and after every axis of the input (negative cuts), in the order of its axes. */
const padAmounts = (call: Call): ReadonlyArray<{ readonly before: number; readonly after: number }> => {
  const rank = call.input(0).shape.length
  const pads = call.integers(1)
  const axes =
    call.inputs[3] === undefined
      ? Array.from({ length: rank }, (_, i) => i)
      : call.integers(3).map((axis) => call.axis(axis, rank))
  if (pads.length !== 2 * axes.length) {
    call.fail(
      `${axes.length} axes need ${2 * axes.length} pads (all before, then all after), not ${pads.length}`,
    )
  }
  return Array.from({ length: rank }, (_, axis) => {
    const i = axes.indexOf(axis)
    return { before: pads[i] ?? 0, after: pads[i + axes.length] ?? 0 }
  }).map((amount, axis) => (axes.includes(axis) ? amount : { before: 0, after: 0 }))
}

export const padOperators = {
  Pad: define({
    inputs: [2, 4],
    attributes: { mode: choice(['constant', 'reflect', 'edge', 'wrap']) },
    settings: [1, 2, 3],
    infer: (call) => {
      const { type, shape } = call.input(0)
      const amounts = padAmounts(call)
      const padded = shape.map((dim, i) => {
        const { before, after } = amounts[i] ?? { before: 0, after: 0 }
        const length = dim === unknown ? unknown : plus(dim, before + after)
        return typeof length === 'number' && length < 0
          ? call.fail(`axis ${i} of length ${String(dim)} cannot be cut by ${-before - after}`)
          : length
      })
      call.sameType(0, 2)
      return [{ type, shape: padded }]
    },
    passes: (call) => (call.integers(1).every((pad) => pad === 0) ? 0 : undefined),
  }),
}
