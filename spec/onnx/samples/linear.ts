import * as O from '../../../lib/onnx/index.js'
import { batch, type Draw } from './draw.js'

const reduction =
  (f: (x: O.Value, axes?: ReadonlyArray<number>, keepDims?: boolean) => O.Value, low = -3) =>
  (d: Draw): ReadonlyArray<O.Value> => {
    const shape = d.shape(1)
    const axes = d.integer(0, 4) === 0 ? undefined : d.axes(shape.length)
    return [f(d.tensor(shape, low, 3), axes, d.boolean())]
  }

const alongAxis =
  (f: (x: O.Value, axis: number) => O.Value) =>
  (d: Draw): ReadonlyArray<O.Value> => {
    const shape = d.shape(1)
    return [f(d.tensor(shape), d.axis(shape.length))]
  }

/** Spatial lengths, and windows that fit in them. */
const window = (d: Draw) => {
  const rank = d.integer(1, 2)
  const list = (low: number, high: number, length = rank) =>
    Array.from({ length }, () => d.integer(low, high))
  return {
    rank,
    spatial: list(5, 6),
    kernel: list(1, 2),
    strides: list(1, 3),
    dilations: list(1, 2),
    pads: list(0, 1, 2 * rank),
  }
}

const pooling =
  (f: (x: O.Value, kernel: ReadonlyArray<number>, d: Draw, w: ReturnType<typeof window>) => O.Value) =>
  (d: Draw): ReadonlyArray<O.Value> => {
    const w = window(d)
    return [
      f(
        d.tensor([batch, 2, ...w.spatial]),
        w.kernel.map((k) => k + 1),
        d,
        w,
      ),
    ]
  }

const image = (d: Draw): ReadonlyArray<number> => [batch, 4, d.integer(2, 4), d.integer(2, 4)]

/** Random calls of reductions, products, convolutions, pooling and normalisation. */
export const linearSamples = {
  ReduceSum: reduction(O.reduceSum),
  ReduceMean: reduction(O.reduceMean),
  ReduceMax: reduction(O.reduceMax),
  ReduceMin: reduction(O.reduceMin),
  ReduceProd: reduction(O.reduceProd),
  ReduceSumSquare: reduction(O.reduceSumSquare),
  ReduceL1: reduction(O.reduceL1),
  ReduceL2: reduction(O.reduceL2),
  ReduceLogSum: reduction(O.reduceLogSum, 0.1),
  ReduceLogSumExp: reduction(O.reduceLogSumExp),
  ArgMax: alongAxis(O.argMax),
  ArgMin: alongAxis((x, axis) => O.argMin(x, axis, false)),
  Softmax: alongAxis(O.softmax),
  LogSoftmax: alongAxis(O.logSoftmax),
  CumSum: (d: Draw) => {
    const shape = d.shape(1)
    return [O.cumSum(d.tensor(shape), d.axis(shape.length), { exclusive: d.boolean(), reverse: d.boolean() })]
  },
  TopK: (d: Draw) => {
    const { values, indices } = O.topK(d.tensor([batch, 5]), d.integer(1, 5), { largest: d.boolean() })
    return [values, indices]
  },

  MatMul: (d: Draw) => {
    const [m, k, n] = [d.integer(1, 4), d.integer(1, 4), d.integer(1, 4)]
    const lead = d.shape(0, 2)
    const left = d.pick([[k], [m, k], [...lead, m, k]])
    const right = d.pick([[k], [k, n], [...d.partner(lead), k, n]])
    return [O.matMul(d.tensor(left), d.tensor(right))]
  },
  Gemm: (d: Draw) => {
    const [m, k, n] = [batch, d.integer(1, 4), d.integer(1, 4)]
    const [transA, transB] = [d.boolean(), d.boolean()]
    const c = d.pick([undefined, [], [1], [n], [m, 1], [m, n]])
    return [
      O.gemm(
        d.tensor(transA ? [k, m] : [m, k]),
        d.tensor(transB ? [n, k] : [k, n]),
        c === undefined ? undefined : d.tensor(c),
        { transA, transB, alpha: d.uniform(), beta: d.uniform() },
      ),
    ]
  },
  Einsum: (d: Draw) => {
    const [i, j, k] = [d.integer(1, 4), d.integer(1, 4), d.integer(1, 4)]
    return d.pick([
      () => [O.einsum('bij,bjk->bik', d.tensor([batch, i, j]), d.tensor([batch, j, k]))],
      () => [O.einsum('i, j -> ij', d.tensor([i]), d.tensor([j]))],
      () => [O.einsum('bij->bj', d.tensor([batch, i, j]))],
      () => [O.einsum('...ij,...jk', d.tensor([batch, 2, i, j]), d.tensor([1, 2, j, k]))],
      () => [O.einsum('ba,cb', d.tensor([i, j]), d.tensor([k, i]))],
      () => [O.einsum('...i->...', d.tensor([batch, j, i]))],
    ])()
  },

  Conv: (d: Draw) => {
    const { spatial, kernel, strides, dilations, pads } = window(d)
    const group = d.pick([1, 2])
    const w = d.tensor([4, 4 / group, ...kernel])
    const bias = d.boolean() ? d.tensor([4]) : undefined
    const auto_pad = d.pick(['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] as const)
    // ONNX Runtime pads SAME wrongly where windows are dilated and strided.
    const options = auto_pad === 'NOTSET' ? { pads, dilations } : { auto_pad }
    return [O.conv(d.tensor([batch, 4, ...spatial]), w, bias, { ...options, strides, group })]
  },
  ConvTranspose: (d: Draw) => {
    const { spatial, kernel, strides, dilations, pads } = window(d)
    const group = d.pick([1, 2])
    const extra = strides.map((stride) => Math.min(stride - 1, d.integer(0, 1)))
    const x = d.tensor([batch, 4, ...spatial])
    return [
      O.convTranspose(x, d.tensor([4, 2, ...kernel]), undefined, {
        strides,
        dilations,
        pads,
        group,
        output_padding: extra,
      }),
    ]
  },
  AveragePool: pooling((x, kernel, d, { strides, pads }) =>
    O.averagePool(x, kernel, { strides, pads, ceil_mode: d.boolean(), count_include_pad: d.boolean() }),
  ),
  MaxPool: pooling((x, kernel, d, { strides, pads }) =>
    O.maxPool(x, kernel, { strides, pads, ceil_mode: d.boolean() }),
  ),
  GlobalAveragePool: (d: Draw) => [O.globalAveragePool(d.tensor(image(d)))],
  GlobalMaxPool: (d: Draw) => [O.globalMaxPool(d.tensor(image(d)))],

  LayerNormalization: (d: Draw) => {
    const shape = image(d)
    const axis = d.axis(4)
    const normalised = shape.slice(axis)
    if (normalised[0] === batch) normalised[0] = 1
    const scale = d.tensor(normalised)
    const bias = d.boolean() ? d.tensor(normalised) : undefined
    return O.layerNormalizationWithStatistics(d.tensor(shape), scale, bias, { axis, epsilon: 1e-3 })
  },
  InstanceNormalization: (d: Draw) => [
    O.instanceNormalization(d.tensor(image(d)), d.tensor([4]), d.tensor([4])),
  ],
  GroupNormalization: (d: Draw) => [
    O.groupNormalization(d.tensor(image(d)), d.tensor([4]), d.tensor([4]), d.pick([1, 2, 4])),
  ],
  BatchNormalization: (d: Draw) => [
    O.batchNormalization(
      d.tensor(image(d)),
      d.tensor([4]),
      d.tensor([4]),
      d.tensor([4]),
      d.tensor([4], 0.1, 2),
    ),
  ],
  LpNormalization: alongAxis((x, axis) => O.lpNormalization(x, axis, 1)),
}
