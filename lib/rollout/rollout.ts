import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path } from '../path/index.js'
import { program, type Solver, unitSteps } from '../solver/index.js'
import { type Conditioning, type ErrorOf, float32, type Parameterisation, takeRows } from '../types/index.js'
import type { Denoiser } from './denoiser.js'
import { noisedLatents } from './noising.js'
import type { Span } from './plan.js'
import type { FreshNoise, Trajectories } from './flight.js'
import { runPrograms } from './run-programs.js'

/** What a rollout starts from: clean data, its noise, and where each sample goes. */
export type Departure = {
  /** [batch, …sample] */
  readonly x0: Float32Array
  /** [batch, …sample] */
  readonly noise: Float32Array
  /** One a sample. */
  readonly spans: ReadonlyArray<Span>
  readonly conditioning: Conditioning
  /** Timesteps that one step covers. Default 1. */
  readonly stride?: number
}

/**
 * The rollout operator: noises each sample to its source time and brings it to its target time with the denoiser's own
 * predictions, in steps of `stride` timesteps. Samples with source = target lie exactly on the schedule and cost nothing;
 * the sample evaluations spent are exactly Σ ⌈(source − target) / stride⌉ · stages, less where a method's last step needs fewer.
 *
 * @param fresh the noise that stochastic solvers mix in
 * @returns latents at the target times, [batch, …sample], and the sample evaluations spent
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const drifted = rollout(flow(), unipc({ order: 2 }))(denoiser, {
 *   x0: new Float32Array(784),
 *   noise: new Float32Array(784),
 *   spans: [{ source: 510, target: 500 }],
 *   conditioning: {},
 * })
 */
export const rollout =
  (path: Path, solver: Solver) =>
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    { x0, noise, spans, conditioning, stride = 1 }: Departure,
    fresh?: FreshNoise,
  ): TE.TaskEither<ErrorOf<'EngineError'>, Trajectories> => {
    const sources = spans.map(({ source }) => source)
    const latents = noisedLatents(path, x0, noise, sources)
    const moving = [...spans.keys()].filter((i) => spans[i].source > spans[i].target)
    const programs = moving.map((i) => {
      const { source, target } = spans[i]
      return program(solver, path, denoiser.parameterisation, unitSteps(path, source, target, stride))
    })
    const elements = x0.length / Math.max(1, spans.length)
    const start = takeRows(float32([spans.length, elements], latents), moving)
    const given = Object.fromEntries(
      Object.entries(conditioning).map(([n, tensor]) => [n, takeRows(tensor, moving)]),
    )
    return pipe(
      runPrograms(
        denoiser,
        programs,
        start.data,
        given,
        fresh &&
          ((row, j, out) => {
            fresh(moving[row], j, out)
          }),
      ),
      TE.map(({ latents: arrived, evaluations }) => {
        moving.forEach((i, row) => {
          latents.set(arrived.subarray(row * elements, (row + 1) * elements), i * elements)
        })
        return { latents, evaluations }
      }),
    )
  }
