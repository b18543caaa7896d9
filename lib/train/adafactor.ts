import { add, div, max, mul, reduceMean, sqrt, sub, type Value } from '../onnx/index.js'
import { decoupledDecay } from './decay.js'
import { type Optimizer, perParameter, type Update } from './optimizer.js'
import type { Schedule } from './schedule.js'

export type AdafactorOptions = {
  /** The size of a step (the paper's ρ where `scalesByParameter`); nothing is derived from the step number ("relative step" off). */
  readonly learningRate: Schedule
  /** The second moment forgets as β2 = 1 − t^(−decayRate) at step t = 1, 2, …. Default 0.8. */
  readonly decayRate?: number
  /** An update whose root mean square exceeds this is scaled down to it. Default 1. */
  readonly clipThreshold?: number
  /** ε1, added to squared gradients. Default 1e-30. */
  readonly epsilon?: number
  /** Whether steps are in proportion to the parameter's root mean square. Default false. */
  readonly scalesByParameter?: boolean
  /** ε2, the least such root mean square. Default 1e-3. */
  readonly leastScale?: number
  /** Decay of a moving average of updates, 0 … 1. Default 0: none, and no memory for it. */
  readonly beta1?: number
  /** Default 0; decoupled: parameters shrink by learningRate · weightDecay a step. */
  readonly weightDecay?: number
}

/**
 * The two axes along which the second moment of a tensor is factored: the longest, the later ones among equals. Of a convolution's
 * kernel these are the channels, where factoring the last two axes (as PyTorch does) would save next to nothing.
 */
const factoredAxes = (dims: ReadonlyArray<number>): readonly [number, number] | undefined => {
  const [last, first] = dims
    .map((length, axis) => ({ length, axis }))
    .sort((a, b) => b.length - a.length || b.axis - a.axis)
  return dims.length < 2 ? undefined : [Math.min(last.axis, first.axis), Math.max(last.axis, first.axis)]
}

/** The dimensions that remain when the mean over an axis is taken and kept as a 1. */
const without = (dims: ReadonlyArray<number>, axis: number): ReadonlyArray<number> =>
  dims.map((length, i) => (i === axis ? 1 : length))

/** √ of the mean square of all elements: a scalar. */
const rootMeanSquare = (x: Value): Value =>
  sqrt(
    reduceMean(
      mul(x, x),
      x.shape.map((_, axis) => axis),
      false,
    ),
  )

/** The estimate of the second moment and the memory that it is made of. Kept means broadcast, so that R·Cᵀ needs no outer product. */
const secondMoment = (
  squared: Value,
  axes: readonly [number, number] | undefined,
  { slot, scalar }: Pick<Update, 'slot' | 'scalar'>,
): { readonly estimate: Value; readonly slots: Readonly<Record<string, Value>> } => {
  const moved = (name: string, to: Value): Value =>
    add(mul(slot(name), scalar('kept_share')), mul(to, scalar('new_share')))
  if (axes === undefined) {
    const full = moved('second_moment', squared)
    return { estimate: full, slots: { second_moment: full } }
  }
  const [row, column] = axes
  const rows = moved('row_second_moment', reduceMean(squared, [column]))
  const columns = moved('column_second_moment', reduceMean(squared, [row]))
  return {
    // The order keeps the product in range where ε1 alone has filled both factors.
    estimate: mul(div(rows, reduceMean(rows, [row])), columns),
    slots: { row_second_moment: rows, column_second_moment: columns },
  }
}

/**
 * Adafactor (Shazeer & Stern 2018, arXiv 1804.04235, algorithms 4 and 5): Adam with a second moment of one row and one column a
 * matrix, where R and C are means of g² + ε1 along the rows and the columns:
 *
 *     R' = β2·R + (1 − β2)·mean_columns(g² + ε1)        C' = β2·C + (1 − β2)·mean_rows(g² + ε1)
 *     u = g / √(R'·C' / mean(R'))        u' = u / max(1, rms(u) / clipThreshold)
 *     p' = p·(1 − lr·decay) − lr·s·u',   s = max(ε2, rms(p)) or 1
 *
 * Vectors and scalars keep a full second moment. The moving average of updates is of lr·s·u', as in the authors' code.
 *
 * @example
 * const optimizer = adafactor({ learningRate: () => 1e-3 })
 */
export const adafactor = ({
  learningRate,
  decayRate = 0.8,
  clipThreshold = 1,
  epsilon = 1e-30,
  scalesByParameter = false,
  leastScale = 1e-3,
  beta1 = 0,
  weightDecay = 0,
}: AdafactorOptions): Optimizer =>
  perParameter({
    slots: (dims) => {
      const axes = factoredAxes(dims)
      return {
        ...(axes === undefined
          ? { second_moment: dims }
          : { row_second_moment: without(dims, axes[1]), column_second_moment: without(dims, axes[0]) }),
        ...(beta1 === 0 ? {} : { average_update: dims }),
      }
    },
    scalars: (step) => {
      const rate = learningRate(step)
      // Both are fed: 1 − (1 − x) would lose digits of a small x.
      const newShare = (step + 1) ** -decayRate
      return {
        learning_rate: rate,
        retained: 1 - rate * weightDecay,
        new_share: newShare,
        kept_share: 1 - newShare,
      }
    },
    update: (update) => {
      const { parameter, gradient, slot, scalar } = update
      const dims = parameter.shape.map(Number)
      const { estimate, slots } = secondMoment(
        add(mul(gradient, gradient), epsilon),
        factoredAxes(dims),
        update,
      )
      const raw = div(gradient, sqrt(estimate))
      const clipped = div(raw, max(1, div(rootMeanSquare(raw), clipThreshold)))
      const scale = scalesByParameter
        ? mul(scalar('learning_rate'), max(leastScale, rootMeanSquare(parameter)))
        : scalar('learning_rate')
      const change = mul(clipped, scale)
      const shrunk = decoupledDecay(update, weightDecay)
      if (beta1 === 0) return { parameter: sub(shrunk, change), slots }
      const average = add(mul(beta1, slot('average_update')), mul(1 - beta1, change))
      return { parameter: sub(shrunk, average), slots: { ...slots, average_update: average } }
    },
  })
