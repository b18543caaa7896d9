import type { Path } from '../path/index.js'
import { uniform } from '../random/index.js'
import { type Grid, program, type Solver, unitSteps } from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'
import type { RolloutSource } from './source.js'
import { strategies, type Strategy } from './strategy.js'

/** What one step of a rollout covers: some timesteps of the training grid, or the way to the next point of the grid that is sampled on. */
export type StepLength =
  | {
      /** Timesteps of the training grid that one step covers. Default 1. */
      readonly stride?: number
      readonly grid?: undefined
    }
  | {
      /** The grid of deployment, from noisy to clean, as `trailing` gives it: k steps start at its k-th point above the target. */
      readonly grid: Grid
      readonly stride?: undefined
    }

export type PlanOptions = StepLength & {
  /** The longest rollout, in steps; 0 is plain teacher forcing. */
  readonly maxStepOffset: number
  /** The share of samples that are rolled out, 0 … 1, at each training step. */
  readonly probability: (step: number) => number
  /** How lengths are drawn. Default `uniform`. */
  readonly strategy?: Strategy
  /** What rollouts start from. Default `noised`. */
  readonly source?: RolloutSource
}

/**
 * The share of the samples that a plan rolls out at a step, 0 … 1.
 *
 * @throws RangeError where a plan says what no rollout can do
 * @example
 * const share = shareAt({ maxStepOffset: 10, probability: () => 0.5 }, 0) // 0.5
 */
export const shareAt = (options: PlanOptions, step: number): number => {
  const { maxStepOffset, probability, stride = 1 } = options
  if (!(Number.isInteger(maxStepOffset) && maxStepOffset >= 0))
    throw new RangeError(`maxStepOffset ${maxStepOffset}: has to be an integer from 0`)
  if (!(stride > 0)) throw new RangeError(`stride ${stride}: has to be a number of timesteps above 0`)
  const share = maxStepOffset === 0 ? 0 : probability(step)
  if (!(share >= 0 && share <= 1))
    throw new RangeError(`a probability of ${share} at step ${step}: has to be a share of the samples, 0 … 1`)
  return share
}

/** Where a sample's rollout starts and ends, on the training grid; `source === target` is teacher forcing. */
export type Span = {
  readonly source: number
  readonly target: number
  /** The points on the way, the source first and the target last: a single one where nothing moves. */
  readonly grid: Grid
  /** What the sample is at the source. */
  readonly from: RolloutSource
}

/** A point of the grid of deployment this near to the target, in timesteps, is the target: a step of no length is no step. */
const nearest = 1e-3

/** The grid of deployment above a target: the points that a sampler visits before it. */
const above = (grid: Grid, target: number): Grid => grid.filter(({ timestep }) => timestep > target + nearest)

/** The way of so many steps to the target, or of as many as there are above it. */
const shortWay = (options: StepLength, path: Path, target: number, length: number): Grid => {
  if (options.grid === undefined) {
    const { stride = 1 } = options
    return unitSteps(path, Math.min(target + stride * length, path.noisiest.timestep), target, stride)
  }
  const before = above(options.grid, target)
  return [...before.slice(Math.max(0, before.length - length)), path.at(target)]
}

/** The way from the noisiest point to the target if it takes at most so many steps. */
const wholeWay = (options: StepLength, path: Path, target: number, most: number): Grid => {
  const here = [path.at(target)]
  if (options.grid === undefined) {
    const { stride = 1 } = options
    const from = path.noisiest.timestep
    return Math.ceil((from - target) / stride) > most ? here : unitSteps(path, from, target, stride)
  }
  const before = above(options.grid, target)
  return before.length > most ? here : [...before, ...here]
}

/**
 * Who starts where. A sample's span is a function of (seed, step, sample id) and of its target alone.
 *
 * - `noised`: a length k of 0 … maxStepOffset is drawn; the sample's data is noised to the time k steps above its target, and brought
 *   down by the model. Sources beyond the grid are clamped to its noisiest point, and the way is as much shorter. k = 0 costs nothing.
 * - `trajectory`: the sample's noise, without its data, is brought down from the noisiest point as in sampling. No length is drawn:
 *   the way takes what it takes, and samples for which that is more than maxStepOffset steps are left on the schedule. So
 *   maxStepOffset bounds the cost of a sample here too, and says how far from pure noise such samples may be trained.
 *
 * @param targets the timesteps that the batch is trained at, one a sample
 * @returns one span a sample, in the order of `ids`
 * @throws RangeError where an option is out of its range, or the probability at this step
 * @example
 * const options = { maxStepOffset: 10, probability: () => 0.5 }
 * const spans = plan(options, { seed: 1, step: 0 }, Uint32Array.of(3, 4), [700, 20], flow())
 * const deployed = { maxStepOffset: 3, probability: () => 0.5, grid: shifted(flow(), trailing(flow(), 20), 3) }
 * const longer = plan(deployed, { seed: 1, step: 0 }, Uint32Array.of(3, 4), [700, 20], flow())
 */
export const plan = (
  options: PlanOptions,
  { seed, step }: { readonly seed: number; readonly step: number },
  ids: Uint32Array,
  targets: ArrayLike<number>,
  path: Path,
): ReadonlyArray<Span> => {
  const { maxStepOffset, strategy = 'uniform', source: from = 'noised' } = options
  const share = shareAt(options, step)
  const way = (target: number, sample: number): Grid => {
    const key = { seed, purpose: 'rollout', step, sample } as const
    if (uniform(key, 0) >= share) return [path.at(target)]
    if (from === 'trajectory') return wholeWay(options, path, target, maxStepOffset)
    return shortWay(options, path, target, strategies[strategy](uniform(key, 1), maxStepOffset))
  }
  return Array.from(ids, (sample, i) => {
    const grid = way(targets[i], sample)
    return { source: grid[0].timestep, target: targets[i], grid, from }
  })
}

/**
 * The sample evaluations that a rollout of these spans costs, exactly, before any model is asked.
 *
 * @example
 * const spans = plan({ maxStepOffset: 10, probability: () => 1 }, { seed: 1, step: 0 }, Uint32Array.of(3, 4), [700, 20], flow())
 * const evaluations = plannedEvaluations(rk4(), flow(), 'flow_matching', spans) // four a step
 */
export const plannedEvaluations = (
  solver: Solver,
  path: Path,
  parameterisation: Parameterisation,
  spans: ReadonlyArray<Span>,
): number =>
  spans.reduce(
    (total, { grid }) => total + program(solver, path, parameterisation, grid).evaluations.length,
    0,
  )
