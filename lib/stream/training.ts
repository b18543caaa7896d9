import { defer, EMPTY, expand, type Observable, takeLast, tap, throwIfEmpty } from 'rxjs'
import { stoppable } from '../rollout/index.js'
import type { Compiled, Standing } from '../train/index.js'
import type { ErrorOf, Parameterisation } from '../types/index.js'
import type { Pipeline } from './pipeline.js'

export type TrainingOptions = {
  /** Train until this many optimizer steps have been taken in all. */
  readonly steps: number
  /** Names all randomness of the run. */
  readonly seed: number
  /** Where to go on from; the trainer's initial state by default. */
  readonly from?: Standing
}

const nothingMade = (step: number): ErrorOf<'TrainingError'> => ({
  _tag: 'TrainingError',
  step,
  message: `the pipeline made nothing of step ${step}: a stage that leaves values out can end a training, and not skip a step`,
})

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
 * @returns what the pipeline made of every step; of a superstep the last, where a stage such as `observe` sees one after the other
 * @throws RangeError where `steps` is no number; a pipeline that makes nothing of a step ends the stream with a `TrainingError`
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
    if (!(steps >= 0)) throw new RangeError(`training of ${steps} steps: has to be a number from 0`)
    const step = (state: Standing): Observable<A> =>
      state.step >= steps
        ? EMPTY
        : defer(() => {
            let isOver = false
            const asked = stoppable(denoiser(state.parameters), () => isOver)
            return pipeline({ state, seed, steps, denoiser: asked }).pipe(
              tap({
                unsubscribe: () => {
                  isOver = true
                },
              }),
            )
          }).pipe(
            takeLast(1),
            throwIfEmpty(() => nothingMade(state.step)),
            tap((made) => {
              // What it was given is its giver's.
              if (state !== from && made.state !== state) release(state)()
            }),
          )
    // Concurrency 1: a step needs the weights that the last one made.
    return step(from).pipe(expand(({ state }) => step(state), 1))
  }
