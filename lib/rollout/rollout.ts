import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path } from '../path/index.js'
import { program, type Solver } from '../solver/index.js'
import { type Conditioning, type ErrorOf, float32, type Parameterisation, takeRows } from '../types/index.js'
import type { Denoiser } from './denoiser.js'
import type { FreshNoise, Trajectories } from './flight.js'
import type { Span } from './plan.js'
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
}

/**
 * Where every sample of a departure is before its first step: alpha·x0 + sigma·noise at the source, without the data where the model's
 * own trajectory is followed from pure noise.
 *
 * @returns [batch, …sample]
 * @example
 * declare const departure: Departure
 * const latents = departed(departure)
 */
export const departed = ({ x0, noise, spans }: Omit<Departure, 'conditioning'>): Float32Array => {
  const out = new Float32Array(x0.length)
  const elements = x0.length / Math.max(1, spans.length)
  spans.forEach(({ grid: [at, ...way], from }, i) => {
    const alpha = from === 'trajectory' && way.length > 0 ? 0 : at.alpha
    for (let e = i * elements; e < (i + 1) * elements; e++) out[e] = alpha * x0[e] + at.sigma * noise[e]
  })
  return out
}

/**
 * The rollout operator: puts each sample at its source and brings it along its grid to its target with the denoiser's own
 * predictions. Samples without a way to go lie exactly on the schedule and cost nothing; the sample evaluations spent are exactly
 * the steps of all grids times the solver's stages, less where a method's last step needs fewer (`plannedEvaluations`).
 *
 * @param fresh the noise that stochastic solvers mix in
 * @returns latents at the target times, [batch, …sample], and the sample evaluations spent
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const path = flow()
 * const drifted = rollout(path, unipc({ order: 2 }))(denoiser, {
 *   x0: new Float32Array(784),
 *   noise: new Float32Array(784),
 *   spans: [{ source: 510, target: 500, grid: unitSteps(path, 510, 500), from: 'noised' }],
 *   conditioning: {},
 * })
 */
export const rollout =
  (path: Path, solver: Solver) =>
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    departure: Departure,
    fresh?: FreshNoise,
  ): TE.TaskEither<ErrorOf<'EngineError'>, Trajectories> => {
    const { spans, conditioning } = departure
    const latents = departed(departure)
    const moving = [...spans.keys()].filter((i) => spans[i].grid.length > 1)
    const programs = moving.map((i) => program(solver, path, denoiser.parameterisation, spans[i].grid))
    const elements = latents.length / Math.max(1, spans.length)
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
