import { defer, EMPTY, expand, last, type Observable, tap } from 'rxjs'
import type { Compiled, Standing } from '../train/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Pipeline } from './pipeline.js'

export type TrainingOptions = {
  /** Train until this many optimizer steps have been taken in all. */
  readonly steps: number
  /** Names all randomness of the run. */
  readonly seed: number
  /** Where to go on from; the trainer's initial state by default. */
  readonly from?: Standing
}

/**
 * Closes the loop: runs the pipeline once a step, each time in the environment that the step before left behind, so that the
 * current weights feed the next batch's rollouts.
 *
 * Demand-driven: a step begins when everything that the pipeline does with the last one, observers included, is done; at most one
 * batch exists at a time. Unsubscribing stops before the next model call. A failure ends the stream with its tagged error.
 *
 * Where an engine keeps the states (`trainerOn`), each is released when the step after it is done: until then it can be read, and an
 * observer that wants it for longer reads it. The last one stays.
 *
 * @returns what the pipeline made of every step
 * @example
 * declare const source: Source, compiled: Trainer<'flow_matching'>
 * const steps = pipe(
 *   dataset(source),
 *   noised(flow()),
 *   descend(compiled),
 *   training(compiled, { steps: 1000, seed: 1 }),
 * )
 * steps.subscribe({ next: ({ metrics }) => { console.log(metrics.loss) } })
 */
export const training =
  <P extends Parameterisation>(
    { initial, denoiser, release }: Pick<Compiled<P>, 'initial' | 'denoiser' | 'release'>,
    { steps, seed, from = initial }: TrainingOptions,
  ) =>
  <A extends { readonly state: Standing }>(pipeline: Pipeline<P, A>): Observable<A> => {
    const step = (state: Standing): Observable<A> =>
      state.step >= steps
        ? EMPTY
        : defer(() => pipeline({ state, seed, steps, denoiser: denoiser(state.parameters) })).pipe(
            last(),
            tap((made) => {
              // What it was given is its giver's.
              if (state !== from && made.state !== state) release(state)()
            }),
          )
    // Concurrency 1: a step needs the weights that the last one made.
    return step(from).pipe(expand(({ state }) => step(state), 1))
  }
