import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { defer, firstValueFrom, from, map, type Observable, tap } from 'rxjs'
import type { ErrorOf, Parameterisation } from '../types/index.js'
import type { Environment, Pipeline } from './pipeline.js'

/** What is prepared for a step: the value, or what went wrong, to be told when the step has come. */
type Prepared<A> = {
  readonly step: number
  readonly seed: number
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
export const ahead =
  (): (<P extends Parameterisation, A>(upstream: Pipeline<P, A>) => Pipeline<P, A>) =>
  <P extends Parameterisation, A>(upstream: Pipeline<P, A>): Pipeline<P, A> => {
    let next: Prepared<A> | undefined
    const prepare = (environment: Environment<P>, step: number): Prepared<A> => ({
      step,
      seed: environment.seed,
      value: firstValueFrom(
        defer(() => upstream(foreseen(environment.denoiser.parameterisation, environment, step))),
      ).then(E.right, E.left),
    })
    return (environment): Observable<A> =>
      defer(() => {
        const { state, seed, steps = Infinity } = environment
        const ready =
          next?.step === state.step && next.seed === seed ? next : prepare(environment, state.step)
        next = undefined
        return from(ready.value).pipe(
          map((outcome) => {
            if (E.isLeft(outcome)) throw outcome.left
            return outcome.right
          }),
          tap(() => {
            if (state.step + 1 < steps)
              // Not before this one is on its way: the engine should not wait for the next.
              setImmediate(() => {
                next ??= prepare(environment, state.step + 1)
              })
          }),
        )
      })
  }
