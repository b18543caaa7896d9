import type { GivenAttributes } from '../operators/index.js'
import { operator, single } from '../operator.js'
import type { Value } from '../value.js'

/** Products, convolutions, pooling and normalisation. Options are ONNX attributes under their ONNX names. */

/**
 * Matrix product over the last two axes, [.., m, k] × [.., k, n] → [.., m, n]; leading axes broadcast, a vector is a row on the
 * left and a column on the right. ONNX MatMul.
 *
 * @example
 * const y = matMul(input('x', 'float32', ['batch', 4]), parameter('w', float32([4, 2], new Float32Array(8))))
 */
export const matMul = (a: Value, b: Value): Value => single('MatMul', [a, b], {})

/**
 * alpha·a·b + beta·c for matrices, transposed where `transA`, `transB` say so; c broadcasts to the result. ONNX Gemm.
 *
 * @example
 * const w = parameter('w', float32([2, 4], new Float32Array(8)))
 * const y = gemm(input('x', 'float32', ['batch', 4]), w, undefined, { transB: true })
 */
export const gemm = (a: Value, b: Value, c?: Value, options: GivenAttributes<'Gemm'> = {}): Value =>
  single('Gemm', [a, b, c], options)

/**
 * Sum of products in index notation. ONNX Einsum.
 *
 * @example
 * const scores = einsum('bqd,bkd->bqk', input('q', 'float32', ['batch', 5, 8]), input('k', 'float32', ['batch', 7, 8]))
 */
export const einsum = (equation: string, ...values: ReadonlyArray<Value>): Value =>
  single('Einsum', values, { equation })

/**
 * Convolution (cross-correlation) of x [batch, channels, …spatial] with w [out, channels / group, …kernel] and a bias [out].
 * `pads` lists the padding before every spatial axis, then after. ONNX Conv.
 *
 * @example
 * const w = parameter('w', float32([8, 1, 3, 3], new Float32Array(72)))
 * const y = conv(input('x', 'float32', ['batch', 1, 28, 28]), w, undefined, { pads: [1, 1, 1, 1] })
 */
export const conv = (x: Value, w: Value, bias?: Value, options: GivenAttributes<'Conv'> = {}): Value =>
  single('Conv', [x, w, bias], options)

/**
 * The transpose of a convolution: x [batch, channels, …spatial], w [channels, out / group, …kernel], bias [out].
 * ONNX ConvTranspose.
 *
 * @example
 * const w = parameter('w', float32([8, 1, 2, 2], new Float32Array(32)))
 * const y = convTranspose(input('x', 'float32', ['batch', 8, 7, 7]), w, undefined, { strides: [2, 2] })
 */
export const convTranspose = (
  x: Value,
  w: Value,
  bias?: Value,
  options: GivenAttributes<'ConvTranspose'> = {},
): Value => single('ConvTranspose', [x, w, bias], options)

type Pooling<O extends 'AveragePool' | 'MaxPool'> = Omit<GivenAttributes<O>, 'kernel_shape'>

/**
 * Mean of every window of x [batch, channels, …spatial]. ONNX AveragePool.
 *
 * @example
 * const y = averagePool(input('x', 'float32', ['batch', 8, 28, 28]), [2, 2], { strides: [2, 2] })
 */
export const averagePool = (
  x: Value,
  kernel: ReadonlyArray<number>,
  options: Pooling<'AveragePool'> = {},
): Value => single('AveragePool', [x], { ...options, kernel_shape: kernel })

/**
 * Largest element of every window of x [batch, channels, …spatial]. ONNX MaxPool.
 *
 * @example
 * const y = maxPool(input('x', 'float32', ['batch', 8, 28, 28]), [2, 2], { strides: [2, 2] })
 */
export const maxPool = (x: Value, kernel: ReadonlyArray<number>, options: Pooling<'MaxPool'> = {}): Value =>
  single('MaxPool', [x], { ...options, kernel_shape: kernel })

/**
 * Mean over all spatial axes, which stay with length 1. ONNX GlobalAveragePool.
 *
 * @example
 * const y = globalAveragePool(input('x', 'float32', ['batch', 8, 28, 28]))
 */
export const globalAveragePool = (x: Value): Value => single('GlobalAveragePool', [x], {})

/**
 * Largest element over all spatial axes, which stay with length 1. ONNX GlobalMaxPool.
 *
 * @example
 * const y = globalMaxPool(input('x', 'float32', ['batch', 8, 28, 28]))
 */
export const globalMaxPool = (x: Value): Value => single('GlobalMaxPool', [x], {})

/**
 * (x − mean) / √(variance + epsilon) · scale + bias, statistics over the axes from `axis` on (Ba et al. 2016, arXiv 1607.06450).
 * ONNX LayerNormalization.
 *
 * @example
 * const scale = parameter('norm.scale', float32([4], [1, 1, 1, 1]))
 * const y = layerNormalization(input('x', 'float32', ['batch', 4]), scale)
 */
export const layerNormalization = (
  x: Value,
  scale: Value,
  bias?: Value,
  options: GivenAttributes<'LayerNormalization'> = {},
): Value => single('LayerNormalization', [x, scale, bias], options)

/**
 * `layerNormalization` with its statistics: mean and 1 / √(variance + epsilon), normalised axes of length 1.
 *
 * @example
 * const scale = parameter('norm.scale', float32([4], [1, 1, 1, 1]))
 * const [y, centre, inverseDeviation] = layerNormalizationWithStatistics(input('x', 'float32', ['batch', 4]), scale)
 */
export const layerNormalizationWithStatistics = (
  x: Value,
  scale: Value,
  bias?: Value,
  options: GivenAttributes<'LayerNormalization'> = {},
): ReadonlyArray<Value> => operator('LayerNormalization', [x, scale, bias], options, 3)

/**
 * Normalises every channel of every sample over its spatial axes; scale and bias are [channels] (Ulyanov et al. 2016,
 * arXiv 1607.08022). ONNX InstanceNormalization.
 *
 * @example
 * const one = constant(float32([2], [1, 1]))
 * const y = instanceNormalization(input('x', 'float32', ['batch', 2, 8]), one, constant(float32([2], [0, 0])))
 */
export const instanceNormalization = (x: Value, scale: Value, bias: Value, epsilon = 1e-5): Value =>
  single('InstanceNormalization', [x, scale, bias], { epsilon })

/**
 * Normalises groups of channels of every sample; scale and bias are [channels] (Wu & He 2018, arXiv 1803.08494).
 * ONNX GroupNormalization.
 *
 * @example
 * const one = constant(float32([4], [1, 1, 1, 1]))
 * const zero = constant(float32([4], [0, 0, 0, 0]))
 * const y = groupNormalization(input('x', 'float32', ['batch', 4, 8, 8]), one, zero, 2)
 */
export const groupNormalization = (
  x: Value,
  scale: Value,
  bias: Value,
  groups: number,
  epsilon = 1e-5,
): Value => single('GroupNormalization', [x, scale, bias], { num_groups: groups, epsilon })

/**
 * (x − mean) / √(variance + epsilon) · scale + bias with given statistics of every channel. ONNX BatchNormalization, not training.
 *
 * @example
 * const one = constant(float32([2], [1, 1]))
 * const zero = constant(float32([2], [0, 0]))
 * const y = batchNormalization(input('x', 'float32', ['batch', 2, 8]), one, zero, zero, one)
 */
export const batchNormalization = (
  x: Value,
  scale: Value,
  bias: Value,
  mean: Value,
  variance: Value,
  epsilon = 1e-5,
): Value => single('BatchNormalization', [x, scale, bias, mean, variance], { epsilon })

/**
 * x divided by its L1 or L2 norm along one axis. ONNX LpNormalization.
 *
 * @example
 * const y = lpNormalization(input('x', 'float32', ['batch', 4]), -1)
 */
export const lpNormalization = (x: Value, axis = -1, p: 1 | 2 = 2): Value =>
  single('LpNormalization', [x], { axis, p })
