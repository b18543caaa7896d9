import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { type Environment, type Pipeline, stageTask } from './pipeline.js'

/**
 * A stage that does something with each value and passes it on. The stream waits for it: however slow it is, the next batch
 * is not pulled before it is done, so nothing piles up.
 *
 * @example
 * const logged = observe(({ metrics }: Descended) => TE.fromIO(() => { console.log(metrics.loss) }))
 */
export const observe = <A>(
  effect: (value: A, environment: Environment<Parameterisation>) => TE.TaskEither<DerivaError, void>,
): (<P extends Parameterisation, B extends A>(upstream: Pipeline<P, B>) => Pipeline<P, B>) =>
  stageTask(
    (environment) => (value) =>
      pipe(
        effect(value, environment),
        TE.map(() => value),
      ),
  )
