import { flag, float, requiredString } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { mayEqual, type Dim } from '../dim.js'
import { einsumEquation } from '../einsum-equation.js'
import { numbers } from '../element.js'
import { broadcast, showShape, type Shape } from '../shape.js'

/** Sums of products. */

const matMulShape = (call: Call): Shape => {
  const [a, b] = [call.input(0).shape, call.input(1).shape]
  if (a.length === 0 || b.length === 0) call.fail('a scalar cannot be multiplied as a matrix; use Mul')
  const rows = a.length === 1 ? [] : a.slice(-2, -1)
  const columns = b.length === 1 ? [] : b.slice(-1)
  const inner: readonly [Dim, Dim] = [a.at(-1) ?? 1, b.at(b.length === 1 ? -1 : -2) ?? 1]
  if (!mayEqual(...inner)) {
    call.fail(
      `the last axis of ${showShape(a)} (${inner[0]}) has to be as long as the one but last of ${showShape(b)} (${inner[1]})`,
    )
  }
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2))
  return batch === undefined
    ? call.fail(`the leading axes of ${showShape(a)} and ${showShape(b)} do not broadcast`)
    : [...batch, ...rows, ...columns]
}

export const matmulOperators = {
  MatMul: define({
    inputs: [2, 2],
    attributes: {},
    infer: (call) => {
      call.demand(0, numbers)
      return [{ type: call.sameType(0, 1), shape: matMulShape(call) }]
    },
  }),

  Gemm: define({
    inputs: [2, 3],
    attributes: { alpha: float(1), beta: float(1), transA: flag(false), transB: flag(false) },
    infer: (call) => {
      call.demand(0, numbers)
      const { transA, transB } = call.attributes
      const [m = 1, k = 1] = transA ? [...call.rank(0, 2).shape].reverse() : call.rank(0, 2).shape
      const [l = 1, n = 1] = transB ? [...call.rank(1, 2).shape].reverse() : call.rank(1, 2).shape
      if (!mayEqual(k, l))
        call.fail(`the inner lengths ${k} and ${l} have to be equal (transA and transB considered)`)
      const c = call.inputs[2]
      const shape = [m, n]
      const fits = c === undefined ? shape : broadcast(c.shape, shape)
      if (fits === undefined || fits.length > 2 || !fits.every((dim, i) => mayEqual(dim, shape[i] ?? 1))) {
        call.fail(`input 2 has to broadcast to ${showShape(shape)}`)
      }
      return [{ type: call.sameType(0, 1, 2), shape }]
    },
  }),

  Einsum: define({
    inputs: [1, Infinity],
    attributes: { equation: requiredString },
    normalise: (call) => ({ equation: call.attributes.equation.replaceAll(' ', '') }),
    infer: (call) => {
      const shapes = call.inputs.map((_, i) => call.demand(i, numbers).shape)
      const { equation } = call.attributes
      const parsed =
        einsumEquation(
          equation,
          shapes.map((shape) => shape.length),
        ) ?? call.fail(`the equation "${equation}" does not fit inputs of these ranks`)
      const lengths = new Map<string, Dim>()
      parsed.inputs.forEach((labels, i) => {
        labels.forEach((label, axis) => {
          const [length = 1] = broadcast([lengths.get(label) ?? 1], [shapes[i]?.[axis] ?? 1]) ?? [
            call.fail(`"${label}" of "${equation}" has two lengths`),
          ]
          lengths.set(label, length)
        })
      })
      const shape = parsed.output.map((label) => lengths.get(label) ?? 1)
      return [{ type: call.sameType(...shapes.keys()), shape }]
    },
  }),
}
