import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Config, type ConfigError, configError, decodeConfig, parseFlags } from '../config/index.js'
import type { DerivaError } from '../types/index.js'
import { readConfigFile } from './config-file.js'
import { departureOf } from './departure.js'
import type { ExitCode } from './outcome.js'
import type { Terminal } from './terminal.js'

/** What the command line asks for; everything that is wrong with it is reported together. */
const configOf = (words: ReadonlyArray<string>): TE.TaskEither<DerivaError, Config> => {
  const { positional, flags } = parseFlags(words)
  const strays = positional.slice(1).map((value) => ({
    key: 'argument',
    value,
    allowed: 'one configuration file, and options as --key value',
  }))
  return pipe(
    positional.length === 0 ? TE.right<ConfigError, unknown>({}) : readConfigFile(positional[0]),
    TE.chainEitherK((json) => decodeConfig(json, flags)),
    TE.mapLeft(({ problems }) => configError([...strays, ...problems])),
    TE.filterOrElse(
      () => strays.length === 0,
      () => configError(strays),
    ),
  )
}

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
    configOf(words),
    TE.bindTo('config'),
    TE.bind('departure', ({ config }) => departureOf(config)),
    // The rooms that train are loaded for input that is in order: refusals come at once.
    TE.bind('run', () => TE.fromTask(() => import('./training-run.js'))),
    TE.chain(({ config, departure, run: { trainingRun } }) => trainingRun(config, departure, terminal)),
  )
