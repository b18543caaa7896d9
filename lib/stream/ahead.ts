import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { defer, firstValueFrom, from, map, type Observable, tap } from 'rxjs'
import type { ErrorOf, Parameterisation } from '../types/index.js'
import type { Environment, Pipeline } from './pipeline.js'

/** What is prepared for a step: the value, or what went wrong, to be told when the step has come. */
type Prepared<A> = {
  readonly step: number
  readonly seed: number
  readonly steps: number | undefined
  readonly parameterisation: Parameterisation
  readonly value: Promise<E.Either<unknown, A>>
}

const tooEarly: ErrorOf<'EngineError'> = {
  _tag: 'EngineError',
  message:
    'a stage before ahead() or supersteps() asks the model, whose weights do not exist yet; it belongs after ahead()',
}

/**
 * The environment of a later step, as far as it is known: all but the weights. Whoever asks the model gets a Left.
 *
 * @param now what it shares with the present
 * @example
 * const later = foreseen('flow_matching', { seed: 1, steps: 2000 }, 1000)
 */
export const foreseen = <P extends Parameterisation>(
  parameterisation: P,
  now: Pick<Environment<P>, 'seed' | 'steps'>,
  step: number,
): Environment<P> => ({
  seed: now.seed,
  ...(now.steps === undefined ? {} : { steps: now.steps }),
  state: { step, parameters: {}, ema: {}, slots: {} },
  denoiser: { parameterisation, predict: () => TE.left(tooEarly) },
})

/**
 * What comes before this stage is made for the next time while the present is being worked on: `ahead` with its own idea of when that is.
 *
 * @param next the step that the stage is asked for after this one, of so many in all
 * @example
 * declare const two: Pipeline<'flow_matching', readonly [Batch, Batch]>
 * const pipeline = aheadTo((step) => step + 2)(two)
 */
export const aheadTo =
  (
    next: (step: number, steps: number) => number,
  ): (<P extends Parameterisation, A>(upstream: Pipeline<P, A>) => Pipeline<P, A>) =>
  <P extends Parameterisation, A>(upstream: Pipeline<P, A>): Pipeline<P, A> => {
    let waiting: Prepared<A> | undefined
    const prepare = (environment: Environment<P>, step: number): Prepared<A> => ({
      step,
      seed: environment.seed,
      steps: environment.steps,
      parameterisation: environment.denoiser.parameterisation,
      value: firstValueFrom(
        defer(() => upstream(foreseen(environment.denoiser.parameterisation, environment, step))),
      ).then(E.right, E.left),
    })
    return (environment): Observable<A> =>
      defer(() => {
        const { state, steps = Infinity } = environment
        // Another training may have asked for it, of which nothing else is known to what comes before this stage.
        const isMine =
          waiting?.step === state.step &&
          waiting.seed === environment.seed &&
          waiting.steps === environment.steps &&
          waiting.parameterisation === environment.denoiser.parameterisation
        const ready = isMine && waiting !== undefined ? waiting : prepare(environment, state.step)
        waiting = undefined
        return from(ready.value).pipe(
          map((outcome) => {
            if (E.isLeft(outcome)) throw outcome.left
            return outcome.right
          }),
          tap(() => {
            const step = next(state.step, steps)
            if (step < steps)
              // Not before this one is on its way: the engine should not wait for the next.
              setImmediate(() => {
                waiting ??= prepare(environment, step)
              })
          }),
        )
      })
  }

/**
 * Prepares the next batch while the model computes the current one: what comes before this stage runs one step ahead, in the pauses
 * that an engine in a worker leaves. It may read and decode data, augment it and draw noise, all of which is a function of the step;
 * a stage that asks the model belongs after it, and ends the stream if it comes before.
 *
 * Never more than one batch waits, and none beyond the last step is prepared. What fails early is told at its own step.
 *
 * @example
 * declare const source: Source, compiled: Trainer<'flow_matching'>
 * const pipeline = pipe(dataset(source), noised(flow()), ahead(), descend(compiled))
 */
export const ahead = (): (<P extends Parameterisation, A>(upstream: Pipeline<P, A>) => Pipeline<P, A>) =>
  aheadTo((step) => step + 1)
