import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { type Environment, type Stage, stageTask } from './pipeline.js'

/**
 * A stage that does something with each value and passes it on. The stream waits for it: however slow it is, the next batch
 * is not pulled before it is done, so nothing piles up.
 *
 * @example
 * const logged = observe(({ metrics }: Descended) => TE.fromIO(() => { console.log(metrics.loss) }))
 */
export const observe = <P extends Parameterisation, A>(
  effect: (value: A, environment: Environment<P>) => TE.TaskEither<DerivaError, void>,
): Stage<P, A, A> =>
  stageTask((environment) => (value) =>
    pipe(
      effect(value, environment),
      TE.map(() => value),
    ),
  )
