import {
  add,
  cast,
  div,
  expand,
  layerNormalizationWithStatistics,
  matMul,
  mul,
  reduceL1,
  reduceL2,
  reduceMean,
  reduceSum,
  scalar,
  sign,
  sqrt,
  sub,
  type Value,
} from '../../onnx/index.js'
import { size } from '../../types/index.js'
import { product, sumTo, uniformOf } from '../broadcast.js'
import { dims } from '../known.js'
import { reshaped } from '../reshaped.js'
import type { Rule, Rules } from '../rule.js'

/** x̂ = (x − mean)/σ of every row, and 1/σ as a column. */
type Standardised = { readonly hat: Value; readonly inverse: Value }

/** LayerNormalization with all its outputs. The statistics are float32 whatever x is. */
const withStatistics: (...operands: Parameters<typeof layerNormalizationWithStatistics>) => {
  readonly y: Value
  readonly mean: Value
  readonly inverse: Value
} = (...operands) => {
  const [y, mean, inverse] = layerNormalizationWithStatistics(...operands)
  return { y, mean: cast(mean, y.type), inverse: cast(inverse, y.type) }
}

/**
 * Rows [rows, width] standardised by the LayerNormalization operator, the cheapest way to mean and variance on ONNX Runtime's CPU
 * (two thirds of the time of ReduceMean, Sub, Mul, …).
 */
const standardised = (rows: Value, epsilon: number): Standardised => {
  const [, width = 1] = dims(rows)
  const { y, inverse } = withStatistics(rows, expand(scalar(1, rows.type), [width]), undefined, {
    axis: 1,
    epsilon,
  })
  return { hat: y, inverse }
}

/** d loss / d x of x̂, given g = d loss / d x̂, row by row: (g − mean g − x̂ · mean(g x̂)) / σ. */
const centred = (g: Value, meanG: Value, meanGHat: Value, { hat, inverse }: Standardised): Value =>
  mul(sub(sub(g, meanG), mul(hat, meanGHat)), inverse)

/** y = scale · x̂ + bias over the axes from `axis`; outputs 1 and 2 are mean m and 1/σ = r. The gradient of scale is Σ ȳ x̂. */
const layer: Rule<'LayerNormalization'> = (dy, at) => {
  const [x, scale, bias] = [at.input(0), at.input(1), at.inputs[2]]
  const { axis } = at.attributes
  const shape = dims(x)
  const [lead, width] = [shape.slice(0, axis), size(shape.slice(axis))]
  const { y, mean, inverse } = withStatistics(x, scale, bias, at.attributes)
  const plain = uniformOf(scale) === 1
  const hat = plain && (bias === undefined || uniformOf(bias) === 0) ? y : mul(sub(x, mean), inverse)
  // What is normalised together as one axis: the last one, in nearly every model.
  const row = (value: Value): Value => reshaped(value, [...lead, width])
  const column = (value: Value): Value => reshaped(value, [...lead, 1])
  const dyHat = mul(dy, hat)
  // mean(scale·ȳ) and mean(scale·ȳ·x̂) are products with the column scale/width: no stretched copies.
  const flat = reshaped(expand(scale, shape.slice(axis)), [width])
  const meanOf = (value: Value): Value =>
    plain ? reduceMean(row(value), [axis]) : matMul(row(value), reshaped(mul(flat, 1 / width), [width, 1]))
  const g = plain ? row(dy) : mul(row(dy), flat)
  const stats = { hat: row(hat), inverse: column(inverse) }
  const [, dMean, dInverse] = at.cotangents
  // dm/dx = 1/n and dr/dx = −r² x̂ / n.
  const viaMean = dMean === undefined ? [] : [column(mul(cast(dMean, dy.type), 1 / width))]
  const viaInverse =
    dInverse === undefined
      ? []
      : [
          mul(
            mul(column(mul(cast(dInverse, dy.type), -1 / width)), mul(stats.inverse, stats.inverse)),
            stats.hat,
          ),
        ]
  const dx = [...viaMean, ...viaInverse].reduce(
    (sum, value) => add(sum, value),
    centred(g, meanOf(dy), meanOf(dyHat), stats),
  )
  return [reshaped(dx, shape), dyHat, dy]
}

/** y = scale · x̂ + bias for each channel of each sample, scale and bias one number a channel. */
const instance: Rule<'InstanceNormalization'> = (dy, at) => {
  const [x, scale] = [at.input(0), at.input(1)]
  const [batch = 1, channels = 1, ...pixels] = dims(x)
  const [rows, width] = [batch * channels, size(pixels)]
  const stats = standardised(reshaped(x, [rows, width]), at.attributes.epsilon)
  const g = reshaped(dy, [rows, width])
  const [sumG, sumGHat] = [reduceSum(g, [1]), reduceSum(mul(g, stats.hat), [1])]
  const factor = reshaped(expand(scale, [batch, channels]), [rows, 1])
  const inverse = uniformOf(scale) === 1 ? stats.inverse : mul(stats.inverse, factor)
  const dx = centred(g, mul(sumG, 1 / width), mul(sumGHat, 1 / width), { hat: stats.hat, inverse })
  return [reshaped(dx, dims(x)), reshaped(sumGHat, [batch, channels]), reshaped(sumG, [batch, channels])]
}

/** One number a channel, against [batch, channels, …pixels]. */
const overPixels = (value: Value, shape: ReadonlyArray<number>): Value =>
  reshaped(value, [-1, ...shape.slice(2).map(() => 1)])

/** Σ over batch and pixels. */
const perChannel = (value: Value): Value => {
  const [, channels = 1, ...pixels] = dims(value)
  return reshaped(sumTo(value, [channels, ...pixels.map(() => 1)]), [channels])
}

/** y = scale · x̂ + bias for groups of channels of each sample. */
const group: Rule<'GroupNormalization'> = (dy, at) => {
  const [x, scale] = [at.input(0), at.input(1)]
  const shape = dims(x)
  const rows = (shape[0] ?? 1) * at.attributes.num_groups
  const flat = [rows, size(shape) / rows]
  const stats = standardised(reshaped(x, flat), at.attributes.epsilon)
  const g = reshaped(mul(dy, overPixels(scale, shape)), flat)
  const dx = centred(g, reduceMean(g, [1]), reduceMean(mul(g, stats.hat), [1]), stats)
  return [reshaped(dx, shape), perChannel(mul(dy, reshaped(stats.hat, shape))), perChannel(dy)]
}

/** y = scale · (x − m) r + bias with running statistics m and r = 1/√(v + ε): one scale and shift a channel. */
const batch: Rule<'BatchNormalization'> = (dy, at) => {
  const [x, scale, mean, variance] = [at.input(0), at.input(1), at.input(3), at.input(4)]
  const shape = dims(x)
  const inverse = div(1, sqrt(add(variance, at.attributes.epsilon)))
  const factor = mul(scale, inverse)
  const sumDy = perChannel(dy)
  const sumDyHat = mul(perChannel(mul(dy, sub(x, overPixels(mean, shape)))), inverse)
  return [
    mul(dy, overPixels(factor, shape)),
    sumDyHat,
    sumDy,
    mul(sumDy, mul(factor, -1)),
    // dr/dv = −r³/2.
    mul(mul(sumDyHat, -0.5), mul(factor, inverse)),
  ]
}

/** y = x/‖x‖ along an axis.  x̄ = (ȳ − d‖x‖/dx · Σ ȳy)/‖x‖, with d‖x‖/dx = y (p = 2) or sign x (p = 1). */
const lp: Rule<'LpNormalization'> = (dy, at) => {
  const [x, y] = [at.input(0), at.output(0)]
  const { axis, p } = at.attributes
  const [norm, slope] = p === 1 ? [reduceL1(x, [axis]), sign(x)] : [reduceL2(x, [axis]), y]
  return [div(sub(dy, mul(slope, reduceSum(product(dy, y), [axis]))), norm)]
}

/** Operators that centre and scale. x̂ is x less its mean, over its standard deviation σ = √(variance + ε). */
export const normalising = {
  BatchNormalization: batch,
  GroupNormalization: group,
  InstanceNormalization: instance,
  LayerNormalization: layer,
  LpNormalization: lp,
} satisfies Partial<Rules>
