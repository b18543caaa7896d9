import { integer, uniform } from '../random/index.js'

/** How the length of a rollout is drawn from 0 … maxStepOffset; every integer alike for `uniform`. */
export const strategies = ['uniform'] as const
export type Strategy = (typeof strategies)[number]

export type PlanOptions = {
  /** The longest rollout, in unit steps of the training grid; 0 is plain teacher forcing. */
  readonly maxStepOffset: number
  /** The share of samples that are rolled out, 0 … 1, at each training step. */
  readonly probability: (step: number) => number
  /** Default `uniform`. */
  readonly strategy?: Strategy
}

/** Where a sample's rollout starts and ends, on the training grid; `source === target` is teacher forcing. */
export type Span = { readonly source: number; readonly target: number }

/** The length drawn for each strategy, from one uniform integer draw of 0 … max. */
const lengths: { readonly [S in Strategy]: (draw: (n: number) => number, max: number) => number } = {
  uniform: (draw, max) => draw(max + 1),
}

/**
 * Who starts where. A sample's span is a function of (seed, step, sample id) and of its target alone.
 *
 * @param targets the timesteps that the batch is trained at, one a sample
 * @param noisiest the last timestep of the grid: sources beyond it are clamped to it
 * @returns one span a sample, in the order of `ids`
 * @example
 * const spans = plan({ maxStepOffset: 10, probability: () => 0.5 }, { seed: 1, step: 0 }, Uint32Array.of(3, 4), [700, 20], 1000)
 */
export const plan = (
  { maxStepOffset, probability, strategy = 'uniform' }: PlanOptions,
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
    const offset = lengths[strategy]((n) => integer(key, n, 1), maxStepOffset)
    return { source: Math.min(target + offset, noisiest), target }
  })
}

/**
 * A probability that rises (or falls) linearly: `from` until `startStep`, `to` from `startStep + steps` on.
 *
 * @example
 * const probability = ramp({ from: 0, to: 0.5, steps: 1000, startStep: 200 })
 */
export const ramp = ({
  from = 0,
  to,
  steps,
  startStep = 0,
}: {
  readonly from?: number
  readonly to: number
  readonly steps: number
  readonly startStep?: number
}): ((step: number) => number) => {
  return (step) => {
    if (step < startStep) return from
    const progress = steps === 0 ? 1 : Math.min(1, (step - startStep) / steps)
    return from + (to - from) * progress
  }
}
