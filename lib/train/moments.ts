import { add, div, mul, sqrt, type Value } from '../onnx/index.js'
import type { Update, UpdateRule } from './optimizer.js'
import type { Schedule } from './schedule.js'

export type MomentOptions = {
  readonly learningRate: Schedule
  /** Decay of the first moment, 0 … 1. Default 0.9. */
  readonly beta1?: number
  /** Decay of the second moment, 0 … 1. Default 0.999. */
  readonly beta2?: number
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number
}

/** What Adam and AdamW share: all but weight decay. */
export type Moments = Pick<UpdateRule, 'slots' | 'scalars'> & {
  /** What is to be subtracted from the parameter, and the moments that follow. */
  readonly step: (
    gradient: Value,
    update: Pick<Update, 'slot' | 'scalar'>,
  ) => { readonly change: Value; readonly slots: Readonly<Record<string, Value>> }
}

/**
 * The bias-corrected moments of Adam (Kingma & Ba 2015, arXiv 1412.6980), with the corrections moved from the moments into two numbers of
 * the step (their section 2, "improved efficiency", with ε corrected as well, so that it is algorithm 1 and PyTorch's Adam exactly):
 *
 *     m' = β1·m + (1 − β1)·g        v' = β2·v + (1 − β2)·g²        c = √(1 − β2ᵗ)
 *     change = lr·c/(1 − β1ᵗ) · m' / (√v' + c·ε)
 *
 * @example
 * const { slots } = moments({ learningRate: () => 1e-3 })
 */
export const moments = ({
  learningRate,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
}: MomentOptions): Moments => ({
  slots: (dims) => ({ first_moment: dims, second_moment: dims }),
  scalars: (step) => {
    const rate = learningRate(step)
    const correction = Math.sqrt(1 - beta2 ** (step + 1))
    return {
      learning_rate: rate,
      step_size: (rate * correction) / (1 - beta1 ** (step + 1)),
      epsilon: epsilon * correction,
    }
  },
  step: (gradient, { slot, scalar }) => {
    const m = add(mul(beta1, slot('first_moment')), mul(1 - beta1, gradient))
    const v = add(mul(beta2, slot('second_moment')), mul(1 - beta2, mul(gradient, gradient)))
    return {
      change: mul(div(m, add(sqrt(v), scalar('epsilon'))), scalar('step_size')),
      slots: { first_moment: m, second_moment: v },
    }
  },
})
