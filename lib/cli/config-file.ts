import { readFile } from 'node:fs/promises'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as J from 'fp-ts/lib/Json.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type ConfigError, configError } from '../config/index.js'
import { reasonOf } from '../types/index.js'

/** Line and column of a position in a text, both from 1. */
const placeOf = (text: string, position: number): string => {
  const before = text.slice(0, position).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

/** Where the parser stopped: at the end, or it gives a number, or quotes the text from 10 characters before that place on. */
const stopOf = (text: string, message: string): number | undefined => {
  if (message.startsWith('Unexpected end')) return text.length
  const given = /at position (\d+)/.exec(message)?.[1]
  if (given !== undefined) return Number(given)
  const quoted = /\.\.\."(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(message)?.[1]
  const start = quoted === undefined ? -1 : text.indexOf(quoted)
  return start < 0 ? undefined : start + 10
}

/** What the JSON parser complains about, and where. */
const complaint = (text: string, cause: unknown): string => {
  if (text.trim() === '') return 'the file is empty'
  const message = reasonOf(cause)
  const what = message.replace(/,? (?:in JSON at position|(?:\.\.\.)?").*$/s, '')
  const stop = stopOf(text, message)
  return stop === undefined ? what : `${what} at ${placeOf(text, stop)}`
}

/**
 * The JSON value in a configuration file.
 *
 * @returns Left `ConfigError` where there is no such file, or where it is not JSON: with line and column then
 * @example
 * const json = readConfigFile('docs/examples/mnist.json')
 */
export const readConfigFile = (path: string): TE.TaskEither<ConfigError, unknown> =>
  pipe(
    TE.tryCatch(
      () => readFile(path, 'utf8'),
      (cause) =>
        configError([
          {
            key: 'configuration file',
            value: path,
            allowed: `a file that can be read (${reasonOf(cause)}); options are written --key value or --key=value`,
          },
        ]),
    ),
    TE.chainEitherK((text) =>
      pipe(
        // Some editors put a mark of their own before the first character.
        J.parse(text.replace(/^\uFEFF/, '')),
        E.mapLeft((cause) =>
          configError([
            { key: 'configuration file', value: path, allowed: `valid JSON (${complaint(text, cause)})` },
          ]),
        ),
      ),
    ),
  )
