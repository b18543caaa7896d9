import * as E from 'fp-ts/lib/Either.js'
import type { Tensors } from '../engine/index.js'
import type { Loss } from '../loss/index.js'
import type { ErrorOf, Parameterisation } from '../types/index.js'
import { names } from './names.js'
import type { TrainingGraphOptions } from './training-options.js'

/** What a step says of itself, beside the state that it leaves behind. */
export type StepReport = {
  readonly loss: number
  /** Every term of the loss, unweighted, by name. */
  readonly terms: Readonly<Record<string, number>>
  /** Before clipping. */
  readonly gradientNorm: number
  readonly learningRate: number
}

/**
 * The report of a step, from what its graph gave.
 *
 * @param made scalars, or where a run took several steps one element for each
 * @param i which of the steps
 * @example
 * const made = { loss: float32([], [0.1]), 'term/mse': float32([], [0.1]), gradient_norm: float32([], [2]) }
 * const { terms } = stepReport(made, mse, 1e-3) // { mse: 0.1 }
 */
export const stepReport = (
  made: Tensors,
  { terms }: Loss<never, string>,
  learningRate: number,
  i = 0,
): StepReport => {
  const scalar = (name: string): number => Number(made[name].data[i])
  return {
    loss: scalar('loss'),
    terms: Object.fromEntries(terms.map(({ name }) => [name, scalar(names.term(name))])),
    gradientNorm: scalar('gradient_norm'),
    learningRate,
  }
}

/**
 * Left `TrainingError` where the loss of this step or its gradient is not finite. Loss scaling takes no step on such a gradient, so that
 * nothing is lost by it.
 *
 * @param step steps taken before it
 * @example
 * const outcome = finiteStep(7, { loss: 0.1, gradientNorm: 2 }, {})
 */
export const finiteStep = <D extends Pick<StepReport, 'loss' | 'gradientNorm'>>(
  step: number,
  descent: D,
  { lossScaling = false }: Pick<TrainingGraphOptions<Parameterisation>, 'lossScaling'>,
): E.Either<ErrorOf<'TrainingError'>, D> => {
  const { loss, gradientNorm: norm } = descent
  const failed = (what: string): E.Either<ErrorOf<'TrainingError'>, never> =>
    E.left({
      _tag: 'TrainingError',
      step,
      message: `${what}; a lower learning rate, gradient clipping or a longer warm-up usually helps`,
    })
  if (!Number.isFinite(loss)) return failed(`the loss at step ${step} is ${loss}`)
  if (lossScaling === false && !Number.isFinite(norm))
    return failed(`the norm of the gradient at step ${step} is ${norm}, where the loss is ${loss}`)
  return E.right(descent)
}
