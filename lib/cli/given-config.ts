import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  type Config,
  type ConfigError,
  configError,
  decodeConfig,
  parseFlags,
  readSimpleTuner,
} from '../config/index.js'
import { readConfigFile } from './config-file.js'

/** A configuration, and what there is to tell about how its file was read. */
export type GivenConfig = { readonly config: Config; readonly notes: ReadonlyArray<string> }

/**
 * The configuration that a command line asks for: a file, deriva's or SimpleTuner's, and flags that override it. Everything that is
 * wrong with them is reported together.
 *
 * @param words what follows the command's name
 * @returns Left `ConfigError` where there is no such file, or it is refused
 * @example
 * const given = givenConfig(['docs/examples/mnist.json', '--seed', '7'])
 */
export const givenConfig = (words: ReadonlyArray<string>): TE.TaskEither<ConfigError, GivenConfig> => {
  const { positional, flags } = parseFlags(words)
  const strays = positional.slice(1).map((value) => ({
    key: 'argument',
    value,
    allowed: 'one configuration file, and options as --key value',
  }))
  return pipe(
    positional.length === 0 ? TE.right<ConfigError, unknown>({}) : readConfigFile(positional[0]),
    TE.map((json) => readSimpleTuner(json, flags)),
    TE.chainEitherK(({ json, notes, problems }) =>
      pipe(
        decodeConfig(json, flags),
        E.mapLeft((error) => configError([...problems, ...error.problems])),
        E.filterOrElse(
          () => problems.length === 0,
          () => configError(problems),
        ),
        E.map((config): GivenConfig => ({ config, notes })),
      ),
    ),
    TE.mapLeft(({ problems }) => configError([...strays, ...problems])),
    TE.filterOrElse(
      () => strays.length === 0,
      () => configError(strays),
    ),
  )
}
