import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError } from '../types/index.js'
import { departureOf } from './departure.js'
import { givenConfig } from './given-config.js'
import type { ExitCode } from './outcome.js'
import type { Terminal } from './terminal.js'

/**
 * `deriva train`: everything is checked first, then the run folder is written as training goes on. Ctrl-C ends it after the step
 * under way, with a checkpoint.
 *
 * @param words what follows `train` on the command line
 * @returns 0 when the last step is done, 130 when interrupted and saved
 * @example
 * const outcome = trainCommand(['docs/examples/mnist.json', '--seed', '7'], processTerminal)
 */
export const trainCommand = (
  words: ReadonlyArray<string>,
  terminal: Terminal,
): TE.TaskEither<DerivaError, ExitCode> =>
  pipe(
    givenConfig(words),
    TE.bindTo('given'),
    TE.bindW('departure', ({ given: { config, notes } }) =>
      pipe(
        departureOf(config),
        TE.map((departure) => ({ ...departure, notes: [...notes, ...departure.notes] })),
      ),
    ),
    // The rooms that train are loaded for input that is in order: refusals come at once.
    TE.bind('run', () => TE.fromTask(() => import('./training-run.js'))),
    TE.chain(({ given: { config }, departure, run: { trainingRun } }) =>
      trainingRun(config, departure, terminal),
    ),
  )
