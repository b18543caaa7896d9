import { add, div, input, less, mul, scalar, type Value, where } from '../onnx/index.js'
import { float32, type TensorOf } from '../types/index.js'
import type { Memory } from './optimizer.js'

export type LossScalingOptions = {
  /** What the loss is multiplied by at first: above 0. Default 65536. */
  readonly initial?: number
  /** What the scale is multiplied by after `interval` good steps in a row: above 1. Default 2. */
  readonly growth?: number
  /** What the scale is multiplied by after a step whose gradients overflow: 0 … 1. Default 0.5. */
  readonly backoff?: number
  /** Good steps in a row until the scale grows: an integer from 1. Default 2000. */
  readonly interval?: number
}

/** Loss scaling within a graph. */
export type LossScaling = {
  /** What it remembers before the first step, beside the optimizer: the scale, and how many steps have been good since it changed. */
  readonly memory: Memory<TensorOf<'float32'>>
  readonly scaled: (loss: Value) => Value
  readonly unscaled: (gradients: ReadonlyArray<Value>) => ReadonlyArray<Value>
  /**
   * @param norm the global norm of the unscaled gradients, which is not finite where one of them is not
   * @param before what is there at the start of the step, by name
   * @param after what it would become, under the same names
   * @returns what it becomes: the same as before where the gradients overflowed
   */
  readonly guarded: (
    norm: Value,
    before: Readonly<Record<string, Value>>,
    after: Readonly<Record<string, Value>>,
  ) => Readonly<Record<string, Value>>
  /** What it remembers after the step. */
  readonly next: (norm: Value) => Memory<Value>
}

const slot = 'loss_scaling'

/**
 * Dynamic loss scaling (Micikevicius et al. 2018, arXiv 1710.03740, section 3.2), with the rule and the defaults of PyTorch's GradScaler:
 * the loss is multiplied before differentiation and the gradients are divided after it, so that small ones do not vanish in float16.
 * Where they overflow nothing is learnt from the step and the scale is halved; after enough good steps in a row it is doubled.
 *
 * It is part of the step's graph, and the scale part of the state: a training that goes on after a restart is the same. Unlike in
 * PyTorch a step that was skipped counts as one for schedules and bias corrections.
 *
 * @param inputOf the name under which a graph is fed something remembered
 * @throws RangeError where an option is out of its range
 * @example
 * const { memory } = lossScaling((name) => `loss_scaling/${name}`, { initial: 1024 })
 */
export const lossScaling = (
  inputOf: (slot: string, name: string) => string,
  { initial = 65536, growth = 2, backoff = 0.5, interval = 2000 }: LossScalingOptions = {},
): LossScaling => {
  demand(initial > 0, 'initial', initial, 'a number above 0')
  demand(growth > 1, 'growth', growth, 'a number above 1')
  demand(backoff > 0 && backoff < 1, 'backoff', backoff, 'between 0 and 1')
  demand(Number.isInteger(interval) && interval >= 1, 'interval', interval, 'an integer from 1')
  const scale = input(inputOf(slot, 'scale'), 'float32', [])
  const good = input(inputOf(slot, 'good_steps'), 'float32', [])
  // Neither infinity nor NaN is less.
  const isFinite = (norm: Value): Value => less(norm, Infinity)
  return {
    memory: { [slot]: { scale: float32([], [initial]), good_steps: float32([], [0]) } },
    scaled: (loss) => mul(loss, scale),
    unscaled: (gradients) => {
      const inverse = div(1, scale)
      return gradients.map((gradient) => mul(gradient, inverse))
    },
    guarded: (norm, before, after) =>
      Object.fromEntries(
        Object.entries(after).map(([name, value]) => [name, where(isFinite(norm), value, before[name])]),
      ),
    next: (norm) => {
      const counted = add(good, 1)
      const grows = less(interval - 0.5, counted)
      const zero = scalar(0)
      return {
        [slot]: {
          scale: where(isFinite(norm), where(grows, mul(scale, growth), scale), mul(scale, backoff)),
          good_steps: where(isFinite(norm), where(grows, zero, counted), zero),
        },
      }
    },
  }
}

const demand = (right: boolean, key: string, value: number, allowed: string): void => {
  if (!right) throw new RangeError(`lossScaling.${key} ${value}: has to be ${allowed}`)
}
