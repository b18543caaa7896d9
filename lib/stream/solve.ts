import { concatMap, defer, EMPTY, expand, last, map, type Observable, of, type OperatorFunction } from 'rxjs'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path } from '../path/index.js'
import { type Denoiser, flight, type FreshNoise } from '../rollout/index.js'
import { type Grid, program, type Program, type Solver } from '../solver/index.js'
import type { Conditioning, Parameterisation } from '../types/index.js'
import { fromTaskEither } from './pipeline.js'

/** A batch of latents about to be denoised. */
export type Departing = {
  /** [count, …sample], at the noise level of the grid's first point. */
  readonly latents: Float32Array
  readonly count: number
  readonly conditioning: Conditioning
  /** Needed by stochastic solvers. */
  readonly noise?: FreshNoise
}

/** A trajectory after some of its evaluations. */
export type Snapshot = {
  /** [count, …sample], in the order given. */
  readonly latents: Float32Array
  /** Model calls made so far. */
  readonly evaluation: number
  readonly done: boolean
}

/**
 * A trajectory, evaluation by evaluation: emits where it starts, then where every model call left it. A call is made only after the
 * snapshot before it was taken in, so whoever unsubscribes stops the work within one call.
 *
 * @param programs one a sample; different solvers, lengths and times may share the batch
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const [fast, exact] = [euler(), rk4()].map((solver) => program(solver, flow(), 'flow_matching', trailing(flow(), 8)))
 * const previews = trajectory(denoiser, [fast, exact], { latents: new Float32Array(2 * 784), count: 2, conditioning: {} })
 */
export const trajectory = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  programs: ReadonlyArray<Program>,
  { latents, conditioning, noise }: Departing,
): Observable<Snapshot> =>
  // A flight holds state: every subscription gets its own.
  defer(() => {
    const inquiries = flight(programs, latents, conditioning, noise)
    type Turn = ReturnType<typeof inquiries.next>
    const answered = (turn: Turn): Observable<Turn> =>
      turn.done === true
        ? EMPTY
        : fromTaskEither(
            pipe(
              denoiser.predict(turn.value.latents, turn.value.timesteps, turn.value.conditioning),
              TE.map((output) => inquiries.next(output)),
            ),
          )
    const calls = Math.max(0, ...programs.map(({ evaluations }) => evaluations.length))
    // Concurrency 1: a step needs the state that the last one left.
    return of(inquiries.next()).pipe(
      expand(answered, 1),
      map((turn): Snapshot =>
        turn.done === true
          ? { latents: turn.value.latents, evaluation: calls, done: true }
          : { latents: turn.value.snapshot(), evaluation: turn.value.evaluation, done: false },
      ),
    )
  })

/**
 * Turns a stream of starting latents into a stream of finished trajectories, one after the other. Exchanging the solver or the grid
 * touches nothing else.
 *
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>, starts: Observable<Departing>
 * const samples = starts.pipe(solve(unipc({ order: 2 }), trailing(flow(), 20))(flow(), denoiser))
 */
export const solve =
  (solver: Solver, grid: Grid) =>
  <P extends Parameterisation>(path: Path, denoiser: Denoiser<P>): OperatorFunction<Departing, Snapshot> =>
    // One at a time: a trajectory keeps the model busy on its own.
    concatMap((departing) =>
      trajectory(
        denoiser,
        new Array<Program>(departing.count).fill(program(solver, path, denoiser.parameterisation, grid)),
        departing,
      ).pipe(last()),
    )
