import type * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { concatMap, Observable, of, type OperatorFunction, throwError } from 'rxjs'
import type { Denoiser } from '../rollout/index.js'
import type { Standing } from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'

/** What a pipeline may know while it makes one batch: where training stands, and the denoiser with its current weights. */
export type Environment<P extends Parameterisation> = {
  readonly state: Standing
  readonly denoiser: Denoiser<P>
  /** Names all randomness of the run. */
  readonly seed: number
  /** Optimizer steps in all, where that is settled. */
  readonly steps?: number
}

/**
 * A stream that depends on where training stands. It is run once a step: it pulls one batch, sends it through its stages, and
 * completes. Nothing runs before somebody subscribes, and nothing is pulled before the step before it is done.
 *
 * Contravariant in P: what works in any environment serves in a particular one, not the other way round.
 */
export type Pipeline<P extends Parameterisation, A> = (environment: Environment<P>) => Observable<A>

/** What `pipe` composes pipelines of: from what comes in to what goes out. */
export type Stage<P extends Parameterisation, A, B> = (upstream: Pipeline<P, A>) => Pipeline<P, B>

/**
 * Any RxJS operator as a stage; it may look at the environment. It is subscribed anew every step, so what it counts begins at 0 each time,
 * and training needs a value of every step.
 *
 * @example
 * const announced = stage(({ state }) => tap(() => { console.log(`step ${state.step}`) }))
 */
export const stage =
  <P extends Parameterisation, A, B>(
    operator: (environment: Environment<P>) => OperatorFunction<A, B>,
  ): Stage<P, A, B> =>
  (upstream) =>
  (environment) =>
    upstream(environment).pipe(operator(environment))

/**
 * A stage that computes something for each value, one at a time, and may fail: a Left ends the stream with its error.
 *
 * @param discard is given what was made for a stream that has been unsubscribed meanwhile
 * @example
 * const checked = stageTask(() => (x: number) => (x > 0 ? TE.right(x) : TE.left<DerivaError>({ _tag: 'EngineError', message: 'negative' })))
 */
export const stageTask = <P extends Parameterisation, A, B>(
  task: (environment: Environment<P>) => (value: A) => TE.TaskEither<DerivaError, B>,
  discard?: (unwanted: B) => void,
): Stage<P, A, B> =>
  // One at a time: the next value may need what this one leaves behind.
  stage((environment) => concatMap((value) => fromTaskEither(task(environment)(value), discard)))

/**
 * A task as a stream of one value; a Left is the stream's error. Lazy: every subscription runs the task anew.
 *
 * @param discard is given what the task made where nobody is subscribed any more
 * @example
 * const one = fromTaskEither(TE.right(1))
 */
export const fromTaskEither = <A>(
  task: TE.TaskEither<DerivaError, A>,
  discard?: (unwanted: A) => void,
): Observable<A> =>
  new Observable<E.Either<DerivaError, A>>((subscriber) => {
    task().then(
      (outcome) => {
        if (subscriber.closed && outcome._tag === 'Right') discard?.(outcome.right)
        subscriber.next(outcome)
        subscriber.complete()
      },
      (bug: unknown) => {
        subscriber.error(bug)
      },
    )
  }).pipe(concatMap(fromEither))

/**
 * A stream of one value; a Left is its error.
 *
 * @example
 * const one = fromEither(E.right(1))
 */
export const fromEither = <A>(either: E.Either<DerivaError, A>): Observable<A> =>
  either._tag === 'Right' ? of(either.right) : throwError(() => either.left)
