import {
  cast,
  div,
  equal,
  expand,
  operator,
  reduceSum,
  scatterElements,
  type Value,
} from '../../onnx/index.js'
import { size } from '../../types/index.js'
import { backAlong, type AxisMatrix } from '../axis-matrix.js'
import { product, scaled } from '../broadcast.js'
import { zeros } from '../cotangent.js'
import { dims } from '../known.js'
import { reshaped } from '../reshaped.js'
import { unaryRule, type Rule, type Rules } from '../rule.js'

/**
 * The mean over windows along one axis: row i is 1/n at the n elements window i sees. The mean over a box is the mean over each of
 * its axes in turn. Padding counts in n where count_include_pad says so, but not the overhang that ceil_mode allows.
 */
const windowMeans = (
  length: number,
  count: number,
  window: {
    readonly kernel: number
    readonly stride: number
    readonly dilation: number
    readonly before: number
    readonly after: number
  },
  includePad: boolean,
): AxisMatrix => {
  const weights = new Float64Array(count * length)
  for (let i = 0; i < count; i++) {
    const seen = Array.from(
      { length: window.kernel },
      (_, k) => i * window.stride - window.before + k * window.dilation,
    )
    const inside = seen.filter((j) => j >= 0 && j < length)
    const n = includePad ? seen.filter((j) => j < length + window.after).length : inside.length
    for (const j of inside) weights[i * length + j] = 1 / n
  }
  return { rows: count, columns: length, weights }
}

/** y = mean of every window.  x̄ = every ȳ shared out over its window. */
const averaging: Rule<'AveragePool'> = (dy, at) => {
  const { kernel_shape, strides, dilations, pads, count_include_pad } = at.attributes
  const counts = dims(dy).slice(2)
  return [
    dims(at.input(0))
      .slice(2)
      .reduce((value, length, i) => {
        const [kernel, stride, dilation] = [kernel_shape[i], strides[i], dilations[i]]
        const [before, after] = [pads[i], pads[i + counts.length]]
        const window = { kernel, stride, dilation, before, after }
        return backAlong(value, i + 2, windowMeans(length, counts[i] ?? 1, window, count_include_pad))
      }, dy),
  ]
}

/** y = max of every window.  x̄ = ȳ added up where the maximum was found, the first one at ties. */
const maximum: Rule<'MaxPool'> = (dy, at) => {
  const x = at.input(0)
  if (at.attributes.storage_order !== 0) at.refuse('has column-major indices (storage_order = 1)')
  // The same node with its second output: the flat index of every maximum.
  const indices = operator('MaxPool', [x], at.attributes, 2).at(1)
  if (indices === undefined) return at.refuse('has no indices')
  const flat = scatterElements(zeros([size(dims(x))], dy.type), reshaped(indices, [-1]), reshaped(dy, [-1]), {
    reduction: 'add',
  })
  return [reshaped(flat, dims(x))]
}

const spatialAxes = (x: Value): ReadonlyArray<number> => [...x.shape.keys()].slice(2)

/** One number out of every window, channel by channel. */
export const pooling = {
  AveragePool: averaging,
  MaxPool: maximum,
  /** y = mean over all pixels.  x̄ = ȳ/n. */
  GlobalAveragePool: unaryRule((dy, x) => expand(scaled(dy, 1 / size(dims(x).slice(2))), dims(x))),
  /** y = max over all pixels.  x̄ = ȳ in equal shares where the maximum is. */
  GlobalMaxPool: unaryRule((dy, x, y) => {
    const hits = cast(equal(x, y), dy.type)
    return product(div(dy, reduceSum(hits, spatialAxes(x))), hits)
  }),
} satisfies Partial<Rules>
