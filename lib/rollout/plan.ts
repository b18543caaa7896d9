import { uniform } from '../random/index.js'
import { strategies, type Strategy } from './strategy.js'

export type PlanOptions = {
  /** The longest rollout, in steps; 0 is plain teacher forcing. */
  readonly maxStepOffset: number
  /** The share of samples that are rolled out, 0 … 1, at each training step. */
  readonly probability: (step: number) => number
  /** How lengths are drawn. Default `uniform`. */
  readonly strategy?: Strategy
  /** Timesteps of the training grid that one rollout step covers. Default 1. */
  readonly stride?: number
}

/** Where a sample's rollout starts and ends, on the training grid; `source === target` is teacher forcing. */
export type Span = { readonly source: number; readonly target: number }

/**
 * Who starts where. A sample's span is a function of (seed, step, sample id) and of its target alone.
 *
 * @param targets the timesteps that the batch is trained at, one a sample
 * @param noisiest the last timestep of the grid: sources beyond it are clamped to it
 * @returns one span a sample, in the order of `ids`
 * @example
 * const options = { maxStepOffset: 10, probability: () => 0.5 }
 * const spans = plan(options, { seed: 1, step: 0 }, Uint32Array.of(3, 4), [700, 20], 1000)
 */
export const plan = (
  { maxStepOffset, probability, strategy = 'uniform', stride = 1 }: PlanOptions,
  { seed, step }: { readonly seed: number; readonly step: number },
  ids: Uint32Array,
  targets: ArrayLike<number>,
  noisiest: number,
): ReadonlyArray<Span> => {
  const share = maxStepOffset === 0 ? 0 : probability(step)
  return Array.from(ids, (sample, i) => {
    const target = targets[i]
    const key = { seed, purpose: 'rollout', step, sample } as const
    if (uniform(key, 0) >= share) return { source: target, target }
    const offset = stride * strategies[strategy](uniform(key, 1), maxStepOffset)
    return { source: Math.min(target + offset, noisiest), target }
  })
}
