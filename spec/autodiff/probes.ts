import * as onnx from 'deriva/onnx'
import { constant, type OperatorName, type Value } from 'deriva/onnx'
import { float32, int64 } from 'deriva/types'

/** Numbers an operator is differentiable at: away from its kinks and poles. */
export type Domain = 'real' | 'positive' | 'unit' | 'apart'

/** Evenly spaced by this, in a mixed order: none near 0, ±1, ±2.5 or ±3, and none near another. */
export const spacing = (count: number): number => Math.min(0.75, 6 / count)

/** Element i of `count` numbers that lie apart. */
export const spaced = (i: number, count: number): number =>
  (((i * 7) % count) - (count - 1) / 2) * spacing(count)

export type Probe = {
  readonly operands: ReadonlyArray<{ readonly dims: ReadonlyArray<number>; readonly domain: Domain }>
  readonly build: (...values: ReadonlyArray<Value>) => Value | ReadonlyArray<Value>
  /** ONNX Runtime's CPU has no float64 kernel for it, or for what its rule is made of. */
  readonly single?: true
}

const real = (...dims: ReadonlyArray<number>) => ({ dims, domain: 'real' as const })
const positive = (...dims: ReadonlyArray<number>) => ({ dims, domain: 'positive' as const })
const unit = (...dims: ReadonlyArray<number>) => ({ dims, domain: 'unit' as const })
const apart = (...dims: ReadonlyArray<number>) => ({ dims, domain: 'apart' as const })

const probe = (operands: Probe['operands'], build: Probe['build']): Probe => ({ operands, build })
const single = (operands: Probe['operands'], build: Probe['build']): Probe => ({
  operands,
  build,
  single: true,
})

const indices = (dims: ReadonlyArray<number>, data: ReadonlyArray<number>): Value =>
  constant(int64(dims, data))
const axis = (x: number): Value => constant(int64([], [x]))

/** A use of every operator; leaving one out does not compile. */
export const probes: { readonly [O in OperatorName]: ReadonlyArray<Probe> | 'flat' | 'refused' } = {
  Abs: [probe([apart(3, 4)], onnx.abs)],
  Acos: [single([unit(5)], onnx.acos)],
  Add: [
    probe([real(2, 3), real(3)], onnx.add),
    probe([real(2, 1), real(1, 3)], onnx.add),
    probe([real(), real(2, 2)], onnx.add),
  ],
  And: 'flat',
  ArgMax: 'flat',
  ArgMin: 'flat',
  Asin: [single([unit(5)], onnx.asin)],
  Atan: [single([real(5)], onnx.atan)],
  AveragePool: [
    single([real(2, 2, 5, 6)], (x) => onnx.averagePool(x, [3, 2], { strides: [2, 1], pads: [1, 0, 1, 1] })),
    single([real(1, 2, 5, 6)], (x) =>
      onnx.averagePool(x, [2, 2], { strides: [2, 2], pads: [1, 0, 1, 1], count_include_pad: true }),
    ),
    single([real(1, 2, 7)], (x) => onnx.averagePool(x, [3], { strides: [2], ceil_mode: true })),
  ],
  BatchNormalization: [
    single([real(2, 3, 4), real(3), real(3), real(3), positive(3)], (x, s, b, m, v) =>
      onnx.batchNormalization(x, s, b, m, v),
    ),
  ],
  Cast: [single([real(4)], (x) => onnx.mul(onnx.cast(onnx.cast(x, 'float64'), x.type), x))],
  Ceil: 'flat',
  Clip: [
    probe([apart(8)], (x) => onnx.clip(x, -1, 1)),
    probe([apart(8), unit()], (x, low) => onnx.clip(x, low)),
    probe([apart(8), positive()], (x, high) => onnx.clip(x, undefined, high)),
  ],
  Concat: [probe([real(2, 3), real(2, 1), real(2, 3)], (a, b, c) => onnx.concat([a, b, c, a], 1))],
  ConstantOfShape: 'flat',
  Conv: [
    single([real(2, 2, 5, 6), real(3, 2, 3, 2), real(3)], (x, w, b) =>
      onnx.conv(x, w, b, { pads: [1, 0, 1, 1] }),
    ),
    single([real(2, 4, 7, 6), real(6, 2, 3, 3), real(6)], (x, w, b) =>
      onnx.conv(x, w, b, { group: 2, strides: [2, 3], pads: [1, 0, 2, 1], dilations: [1, 2] }),
    ),
    single([real(2, 3, 9), real(3, 1, 3)], (x, w) =>
      onnx.conv(x, w, undefined, { group: 3, dilations: [2], pads: [5, 5] }),
    ),
    single([real(2, 4, 6, 5), real(2, 4, 3, 2), real(2)], (x, w, b) =>
      onnx.conv(x, w, b, { pads: [1, 0, 2, 1] }),
    ),
    single([real(2, 6, 5, 6), real(4, 3, 2, 3)], (x, w) =>
      onnx.conv(x, w, undefined, { group: 2, dilations: [2, 1] }),
    ),
    // More weights than pixels: images are flipped instead of the weight.
    single([real(1, 4, 2, 3), real(6, 4, 2, 2)], (x, w) =>
      onnx.conv(x, w, undefined, { pads: [1, 0, 0, 1] }),
    ),
    single([real(2, 4, 5, 6), real(6, 2, 1, 1)], (x, w) => onnx.conv(x, w, undefined, { group: 2 })),
    single([real(1, 2, 3, 4, 4), real(2, 2, 1, 2, 2)], (x, w) =>
      onnx.conv(x, w, undefined, { strides: [1, 2, 2] }),
    ),
  ],
  ConvTranspose: [
    single([real(2, 4, 3, 4), real(4, 3, 2, 3), real(6)], (x, w, b) =>
      onnx.convTranspose(x, w, b, { group: 2, strides: [2, 3], pads: [0, 1, 1, 0], output_padding: [1, 2] }),
    ),
    single([real(1, 2, 4), real(2, 2, 3)], (x, w) => onnx.convTranspose(x, w, undefined, { dilations: [2] })),
  ],
  Cos: [probe([real(5)], onnx.cos)],
  Cosh: [single([real(5)], onnx.cosh)],
  CumSum: [
    probe([real(3, 4)], (x) => onnx.cumSum(x, 1)),
    probe([real(3, 4)], (x) => onnx.cumSum(x, 0, { exclusive: true, reverse: true })),
  ],
  DepthToSpace: [
    probe([real(1, 8, 2, 3)], (x) => onnx.depthToSpace(x, 2)),
    probe([real(1, 8, 2, 3)], (x) => onnx.depthToSpace(x, 2, 'CRD')),
  ],
  Div: [probe([real(2, 3), positive(3)], onnx.div), probe([real(), positive(2, 2)], onnx.div)],
  Einsum: [
    probe([real(2, 3, 4), real(2, 4, 2)], (a, b) => onnx.einsum('bij,bjk->bik', a, b)),
    probe([real(3), real(4)], (a, b) => onnx.einsum('i,j->ji', a, b)),
    probe([real(2, 3, 4)], (a) => onnx.einsum('abc->cab', a)),
    probe([real(2, 3, 4), real(4)], (a, b) => onnx.einsum('...c,c->...', a, b)),
    probe([real(2, 3, 4), real(4, 2), real(3)], (a, b, c) => onnx.einsum('abc,cd,b->d', a, b, c)),
    probe([real(2, 3), real(2)], (a, b) => onnx.einsum('ij,k->ik', a, b)),
    probe([real(2, 1, 2, 3), real(1, 4, 3, 2)], (a, b) => onnx.einsum('...ij,...jk->...ik', a, b)),
    probe([real(1, 2, 3), real(4, 3, 2)], (a, b) => onnx.einsum('...ij,...jk', a, b)),
  ],
  Elu: [single([apart(6)], (x) => onnx.elu(x, { alpha: 0.7 }))],
  Equal: 'flat',
  Erf: [single([real(5)], onnx.erf)],
  Exp: [probe([real(5)], onnx.exp)],
  Expand: [
    probe([real(3, 1)], (x) => onnx.expand(x, [2, 3, 4])),
    probe([real(2, 3)], (x) => onnx.expand(x, [1, 3])),
  ],
  Flatten: [probe([real(2, 3, 2)], (x) => onnx.flatten(x, 2))],
  Floor: 'flat',
  Gather: [
    probe([real(5, 3)], (x) => onnx.gather(x, indices([2, 3], [0, 4, 1, -1, 0, 0]))),
    probe([real(2, 4, 3)], (x) => onnx.gather(x, indices([3], [3, 1, 1]), 1)),
    probe([real(2, 4, 3)], (x) => onnx.mul(onnx.gather(x, axis(-1), 1), onnx.gather(x, axis(1), 1))),
    probe([real(600, 2)], (x) => onnx.gather(x, indices([4], [599, 1, 1, -1]))),
  ],
  GatherElements: [
    probe([real(3, 3)], (x) => onnx.gatherElements(x, indices([2, 3], [0, 2, 0, 0, 1, -1]), 0)),
  ],
  GatherND: [
    probe([real(3, 4, 2)], (x) => onnx.gatherND(x, indices([4, 2], [0, 1, 2, 3, 0, 1, -1, -4]))),
    probe([real(2, 3, 4)], (x) => onnx.gatherND(x, indices([2, 2, 1], [0, 2, 2, 2]), { batch_dims: 1 })),
    probe([real(30, 20, 2)], (x) => onnx.gatherND(x, indices([3, 2], [0, 1, 29, 3, 0, 1]))),
  ],
  Gelu: [
    single([real(6)], (x) => onnx.gelu(x)),
    single([real(6)], (x) => onnx.gelu(x, { approximate: 'tanh' })),
  ],
  Gemm: [
    probe([real(2, 3), real(3, 4), real(4)], (a, b, c) => onnx.gemm(a, b, c, { alpha: 0.5, beta: 1.5 })),
    probe([real(3, 2), real(3, 4), real()], (a, b, c) => onnx.gemm(a, b, c, { transA: true })),
    probe([real(2, 3), real(4, 3)], (a, b) => onnx.gemm(a, b, undefined, { transB: true, alpha: 2 })),
    probe([real(3, 2), real(4, 3), real(2, 1)], (a, b, c) =>
      onnx.gemm(a, b, c, { transA: true, transB: true }),
    ),
  ],
  GlobalAveragePool: [single([real(2, 2, 3, 3)], onnx.globalAveragePool)],
  GlobalMaxPool: [single([apart(2, 2, 3, 3)], onnx.globalMaxPool)],
  Greater: 'flat',
  GreaterOrEqual: 'flat',
  GroupNormalization: [
    single([real(2, 4, 3), real(4), real(4)], (x, s, b) => onnx.groupNormalization(x, s, b, 2)),
  ],
  HardSigmoid: [single([apart(8)], (x) => onnx.hardSigmoid(x))],
  HardSwish: [single([apart(8)], onnx.hardSwish)],
  Identity: [probe([real(3)], (x) => onnx.mul(onnx.identity(x), x))],
  InstanceNormalization: [
    single([real(2, 3, 4, 2), real(3), real(3)], (x, s, b) => onnx.instanceNormalization(x, s, b)),
    single([real(2, 3, 8)], (x) =>
      onnx.instanceNormalization(x, constant(float32([3], [1, 1, 1])), constant(float32([3], [0, 0, 0]))),
    ),
  ],
  IsNaN: 'flat',
  LayerNormalization: [
    single([real(2, 3, 4), real(4), real(4)], (x, s, b) => onnx.layerNormalization(x, s, b)),
    single([real(2, 3, 4), real(3, 4)], (x, s) => onnx.layerNormalization(x, s, undefined, { axis: 1 })),
    single([real(2, 6)], (x) => onnx.layerNormalization(x, constant(float32([6], [1, 1, 1, 1, 1, 1])))),
    single([real(2, 6), real(6)], (x, s) => onnx.layerNormalizationWithStatistics(x, s)),
    single([real(2, 6), real(1)], (x, s) => onnx.layerNormalizationWithStatistics(x, s)[2] ?? x),
  ],
  LeakyRelu: [single([apart(6)], (x) => onnx.leakyRelu(x, { alpha: 0.1 }))],
  Less: 'flat',
  LessOrEqual: 'flat',
  Log: [probe([positive(5)], onnx.log)],
  LogSoftmax: [probe([real(3, 4)], (x) => onnx.logSoftmax(x, 0))],
  LpNormalization: [
    single([real(3, 4)], (x) => onnx.lpNormalization(x, 1)),
    single([apart(3, 4)], (x) => onnx.lpNormalization(x, 0, 1)),
  ],
  MatMul: [
    probe([real(2, 3), real(3, 4)], onnx.matMul),
    probe([real(2, 3, 4), real(4, 2)], onnx.matMul),
    probe([real(2, 1, 3, 4), real(5, 4, 2)], onnx.matMul),
    probe([real(3, 4), real(2, 4, 2)], onnx.matMul),
    probe([real(4), real(4)], onnx.matMul),
    probe([real(4), real(2, 4, 3)], onnx.matMul),
    probe([real(2, 3, 4), real(4)], onnx.matMul),
    probe([real(2, 3, 4), real(1, 2, 4)], (a, b) => onnx.matMul(a, onnx.transpose(b, [0, 2, 1]))),
    probe([real(2, 3), real(4, 3)], (a, b) => onnx.matMul(a, onnx.transpose(b, [1, 0]))),
  ],
  Max: [probe([apart(2, 3), unit(3)], onnx.max)],
  MaxPool: [
    single([apart(1, 2, 5, 6)], (x) => onnx.maxPool(x, [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] })),
  ],
  Mean: [single([real(2, 3), real(3), real()], (a, b, c) => onnx.mean([a, b, c]))],
  Min: [probe([apart(2, 3), unit(3)], onnx.min)],
  Mish: [single([real(6)], onnx.mish)],
  Mod: [probe([positive(4), positive(4)], (a, b) => onnx.mod(onnx.add(a, 0.05), onnx.mul(b, 5)))],
  Mul: [
    probe([real(2, 3), real(3)], onnx.mul),
    probe([real(2, 1), real(1, 3)], onnx.mul),
    probe([real(4)], (x) => onnx.mul(x, x)),
    probe([real(4)], (x) => onnx.mul(x, onnx.sigmoid(x))),
    probe([real(4), real(4)], (x, y) => onnx.mul(onnx.sigmoid(onnx.mul(x, y)), onnx.mul(x, y))),
  ],
  Neg: [probe([real(4)], onnx.neg)],
  NonZero: 'flat',
  Not: 'flat',
  OneHot: 'refused',
  Or: 'flat',
  PRelu: [single([apart(2, 3), real(3)], onnx.prelu)],
  Pad: [
    probe([real(2, 3)], (x) => onnx.pad(x, [1, 0, 0, 2])),
    probe([real(4, 5), real()], (x, value) => onnx.pad(x, [1, -1, -2, 2], 'constant', value)),
    probe([real(3, 4)], (x) => onnx.pad(x, [1, 2, 2, 1], 'edge')),
    probe([real(3, 4)], (x) => onnx.pad(x, [1, 2, 2, 1], 'reflect')),
    probe([real(3, 4)], (x) => onnx.pad(x, [1, 2, 2, 1], 'wrap')),
  ],
  Pow: [
    probe([real(4)], (x) => onnx.pow(x, 2)),
    probe([real(4)], (x) => onnx.pow(x, 3)),
    probe([positive(4)], (x) => onnx.pow(x, -0.5)),
    probe([positive(2, 3), real(3)], onnx.pow),
  ],
  Range: 'refused',
  Reciprocal: [probe([positive(4)], onnx.reciprocal)],
  ReduceL1: [probe([apart(2, 3)], (x) => onnx.reduceL1(x, [1]))],
  ReduceL2: [probe([real(2, 3)], (x) => onnx.reduceL2(x, [1], false))],
  ReduceLogSum: [probe([positive(2, 3)], (x) => onnx.reduceLogSum(x, [0], false))],
  ReduceLogSumExp: [probe([real(2, 3)], (x) => onnx.reduceLogSumExp(x, [1], false))],
  ReduceMax: [probe([apart(2, 3)], (x) => onnx.reduceMax(x, [1], false))],
  ReduceMean: [
    probe([real(2, 3, 2)], (x) => onnx.reduceMean(x, [0, 2], false)),
    probe([real(2, 3)], (x) => onnx.reduceMean(x)),
  ],
  ReduceMin: [probe([apart(2, 3)], (x) => onnx.reduceMin(x, [0]))],
  ReduceProd: [probe([real(2, 3)], (x) => onnx.reduceProd(x, [1], false))],
  ReduceSum: [
    probe([real(2, 3, 2)], (x) => onnx.reduceSum(x, [1], false)),
    probe([real(1, 3)], (x) => onnx.reduceSum(x, [0], false)),
    probe([real(2, 3)], (x) => onnx.reduceSum(x, [])),
  ],
  ReduceSumSquare: [probe([real(2, 3)], (x) => onnx.reduceSumSquare(x, [0]))],
  Relu: [probe([apart(6)], onnx.relu)],
  Reshape: [probe([real(2, 6)], (x) => onnx.reshape(x, [3, -1]))],
  Resize: [
    single([real(1, 2, 3, 4)], (x) =>
      onnx.resize(x, [1, 1, 2, 2], { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }),
    ),
    single([real(1, 1, 3, 4)], (x) => onnx.resize(x, [1, 1, 2, 1.5], { mode: 'linear' })),
    single([real(1, 1, 5, 6)], (x) =>
      onnx.resizeTo(x, [1, 1, 3, 4], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }),
    ),
    single([real(1, 1, 4, 4)], (x) => onnx.resize(x, [1, 1, 2, 2], { mode: 'cubic', exclude_outside: true })),
    single([real(1, 1, 4, 5)], (x) =>
      onnx.resizeTo(x, [1, 1, 7, 3], {
        coordinate_transformation_mode: 'pytorch_half_pixel',
        mode: 'linear',
      }),
    ),
    single([real(1, 1, 6, 5)], (x) =>
      onnx.resize(x, [1, 1, 0.6, 1.3], {
        coordinate_transformation_mode: 'half_pixel_symmetric',
        mode: 'linear',
      }),
    ),
    ...(['linear', 'cubic'] as const).flatMap((mode) =>
      [false, true].map((exclude_outside) =>
        single([real(1, 1, 9, 5)], (x) =>
          onnx.resize(x, [1, 1, 0.4, 1.5], { mode, antialias: true, exclude_outside, cubic_coeff_a: -0.5 }),
        ),
      ),
    ),
    single([real(1, 1, 7, 6)], (x) =>
      onnx.resizeTo(x, [1, 1, 3, 1], {
        coordinate_transformation_mode: 'align_corners',
        mode: 'linear',
        antialias: true,
      }),
    ),
  ],
  Round: 'flat',
  ScatterElements: [
    probe([real(3, 3), real(1, 3)], (x, u) =>
      onnx.scatterElements(x, indices([1, 3], [2, 0, 1]), u, { axis: 0 }),
    ),
    probe([real(3, 3), real(1, 3)], (x, u) =>
      onnx.scatterElements(x, indices([1, 3], [2, 2, 0]), u, { axis: 1, reduction: 'add' }),
    ),
  ],
  ScatterND: [
    probe([real(4, 2), real(2, 2)], (x, u) => onnx.scatterND(x, indices([2, 1], [3, 1]), u)),
    probe([real(4, 2), real(3, 2)], (x, u) =>
      onnx.scatterND(x, indices([3, 1], [3, 1, 3]), u, { reduction: 'add' }),
    ),
  ],
  Selu: [single([apart(6)], (x) => onnx.selu(x))],
  Shape: 'flat',
  Sigmoid: [probe([real(5)], onnx.sigmoid)],
  Sign: 'flat',
  Sin: [probe([real(5)], onnx.sin)],
  Sinh: [single([real(5)], onnx.sinh)],
  Size: 'flat',
  Slice: [
    probe([real(4, 5)], (x) => onnx.slice(x, [1, -3], [3, 5], [0, 1])),
    probe([real(2, 7)], (x) => onnx.slice(x, [-2], [-(2 ** 31)], [1], [-2])),
    probe([real(2, 6)], (x) =>
      onnx.mul(onnx.slice(x, [0], [6], [1], [2]), onnx.slice(x, [1], [6], [1], [2])),
    ),
    probe([real(7)], (x) => onnx.slice(x, [1], [7], [0], [3])),
    probe([real(2, 6)], (x) => onnx.mul(onnx.slice(x, [0], [2], [1]), onnx.slice(x, [3], [5], [1]))),
    probe([real(2, 6)], (x) => onnx.mul(onnx.slice(x, [0], [4], [1]), onnx.slice(x, [2], [6], [1]))),
  ],
  Softmax: [probe([real(3, 4)], (x) => onnx.softmax(x)), probe([real(3, 4)], (x) => onnx.softmax(x, 0))],
  Softplus: [single([real(5)], onnx.softplus)],
  Softsign: [single([apart(6)], onnx.softsign)],
  SpaceToDepth: [probe([real(1, 2, 4, 6)], (x) => onnx.spaceToDepth(x, 2))],
  Split: [
    probe([real(2, 5)], (x) => onnx.split(x, [2, 3], 1)),
    probe([real(2, 5)], (x) => onnx.split(x, [1, 1, 3], 1)[1] ?? x),
    probe([real(2, 5)], (x) => [0, 2].map((i) => onnx.split(x, [1, 1, 3], 1)[i] ?? x)),
  ],
  Sqrt: [probe([positive(5)], onnx.sqrt)],
  Squeeze: [probe([real(2, 1, 3)], (x) => onnx.squeeze(x, [1]))],
  StopGradient: 'flat',
  Sub: [probe([real(2, 3), real(3)], onnx.sub), probe([real(3), real(2, 3)], onnx.sub)],
  Sum: [probe([real(2, 3), real(3), real(2, 3)], (a, b, c) => onnx.sum([a, b, c]))],
  Tan: [single([unit(5)], onnx.tan)],
  Tanh: [probe([real(5)], onnx.tanh)],
  Tile: [probe([real(2, 3)], (x) => onnx.tile(x, [2, 3]))],
  TopK: [probe([apart(2, 5)], (x) => onnx.topK(x, 2).values)],
  Transpose: [probe([real(2, 3, 4)], (x) => onnx.transpose(x, [2, 0, 1]))],
  Trilu: [
    probe([real(3, 4)], (x) => onnx.trilu(x, { diagonal: 1 })),
    probe([real(3, 3)], (x) => onnx.trilu(x, { upper: false })),
  ],
  Unsqueeze: [probe([real(2, 3)], (x) => onnx.unsqueeze(x, [1, 3]))],
  Where: [
    probe([apart(2, 3), real(3)], (a, b) => onnx.where(onnx.greater(a, 0), a, b)),
    probe([real(2, 3)], (a) =>
      onnx.where(constant({ type: 'bool', dims: [2, 1], data: Uint8Array.of(1, 0) }), a, -1e9),
    ),
  ],
  Xor: 'flat',
}
