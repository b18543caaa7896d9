import { pipe } from 'fp-ts/lib/function.js'
import * as R from 'fp-ts/lib/Record.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path } from '../path/index.js'
import { type Grid, program, type Program, type Solver } from '../solver/index.js'
import {
  breather,
  type Conditioning,
  type ErrorOf,
  float32,
  type Parameterisation,
  takeRows,
} from '../types/index.js'
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
  for (let i = 0; i < spans.length; i++) {
    const { grid, from } = spans[i]
    const [{ alpha: share, sigma }] = grid
    const alpha = from === 'trajectory' && grid.length > 1 ? 0 : share
    for (let e = i * elements; e < (i + 1) * elements; e++) out[e] = alpha * x0[e] + sigma * noise[e]
  }
  return out
}

/** A batch on its way: where its samples stand, and what is left to do. */
export type Underway = {
  /** All registers, the latents first, each [batch, …sample]. */
  readonly registers: ReadonlyArray<Float32Array>
  /** What is left of each sample's program. */
  readonly tails: ReadonlyArray<Program>
  /** How many evaluations of its program each sample has behind it. */
  readonly made: ReadonlyArray<number>
  /** Sample evaluations spent. */
  readonly evaluations: number
}

/** What is made here, and what is left to somebody else. */
type Parts = readonly [Program, Program]

/** A program in two. */
const cut = (whole: Program, before: number): Parts => [
  { ...whole, evaluations: whole.evaluations.slice(0, before) },
  { ...whole, evaluations: whole.evaluations.slice(before) },
]

/** Each sample's program in two, before the last so many steps of its grid. Long ones take a while to make. */
const programsOf =
  (
    along: (grid: Grid) => Program,
    spans: ReadonlyArray<Span>,
    withheld: number,
  ): T.Task<ReadonlyArray<Parts>> =>
  async () => {
    const pause = breather()
    const parts: Array<Parts> = []
    for (const { grid } of spans) {
      const whole = along(grid)
      const first = Math.max(0, grid.length - 1 - withheld)
      const before = withheld === 0 ? whole : along(grid.slice(0, first + 1))
      parts.push(cut(whole, before.evaluations.length))
      await pause()
    }
    return parts
  }

/**
 * A rollout without the last so many steps of every sample: they are left to somebody else, such as a training graph that gradients
 * flow through. With 0 it is the whole rollout.
 *
 * @param withheld how many of the last steps of each sample are left; samples with fewer steps stay where they start
 * @returns the registers in which the programs are to be taken up, and what is left of them
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>, departure: Departure
 * const task = rolloutExcept(flow(), unipc({ order: 2 }), 1)(denoiser, departure)
 */
export const rolloutExcept =
  (path: Path, solver: Solver, withheld: number) =>
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    departure: Departure,
    fresh?: FreshNoise,
  ): TE.TaskEither<ErrorOf<'EngineError'>, Underway> => {
    const { spans, conditioning } = departure
    const along = (grid: Grid): Program => program(solver, path, denoiser.parameterisation, grid)
    const latents = departed(departure)
    const elements = latents.length / Math.max(1, spans.length)
    return pipe(
      TE.fromTask<ReadonlyArray<Parts>, ErrorOf<'EngineError'>>(programsOf(along, spans, withheld)),
      TE.chain((parts) => {
        const moving = [...spans.keys()].filter((i) => parts[i][0].evaluations.length > 0)
        const start = takeRows(float32([spans.length, elements], latents), moving)
        const given = pipe(
          conditioning,
          R.map((tensor) => takeRows(tensor, moving)),
        )
        return pipe(
          runPrograms(
            denoiser,
            moving.map((i) => parts[i][0]),
            start.data,
            given,
            fresh &&
              ((row, j, out) => {
                fresh(moving[row], j, out)
              }),
          ),
          TE.map((arrived): Underway => {
            const planes = withheld === 0 ? [arrived.latents] : arrived.registers()
            const registers = planes.map((plane, r) => {
              const out = r === 0 ? latents : new Float32Array(latents.length)
              moving.forEach((i, row) => {
                out.set(plane.subarray(row * elements, (row + 1) * elements), i * elements)
              })
              return out
            })
            return {
              registers,
              tails: parts.map(([, tail]) => tail),
              made: parts.map(([{ evaluations }]) => evaluations.length),
              evaluations: arrived.evaluations,
            }
          }),
        )
      }),
    )
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
  ): TE.TaskEither<ErrorOf<'EngineError'>, Pick<Trajectories, 'latents' | 'evaluations'>> =>
    pipe(
      rolloutExcept(path, solver, 0)(denoiser, departure, fresh),
      TE.map(({ registers: [latents], evaluations }) => ({ latents, evaluations })),
    )
