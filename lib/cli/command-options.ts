import * as E from 'fp-ts/lib/Either.js'
import type * as t from 'io-ts'
import { type ConfigError, configError } from '../config/decode.js'
import { allowedFor, type OptionKind } from '../config/kind.js'

/** An option of a command: how it is checked, its default for the help text, and what it means. */
export type CommandOption<A> = {
  readonly kind: Pick<OptionKind<A>, 'type' | 'allowed' | 'parse' | 'names'> & {
    readonly codec: t.Decoder<unknown, A>
  }
  readonly standard: string
  readonly meaning: string
}

/** The options of one command, by flag: checks, flags and help are derived from it. */
export type CommandOptions = Readonly<Record<string, CommandOption<unknown>>>

/** What a table of options decodes to: the options that were given. */
export type Given<Table> = {
  readonly [K in keyof Table]?: Table[K] extends CommandOption<infer A> ? A : never
}

/**
 * A row of such a table.
 *
 * @param standard the default, in words
 * @example
 * const num = commandOption(kinds.integer({ min: 1 }), '64', 'How many samples.')
 */
export const commandOption = <A>(
  kind: OptionKind<A>,
  standard: string,
  meaning: string,
): CommandOption<A> => ({ kind, standard, meaning })

const areOptions = <Table extends CommandOptions>(
  table: Table,
  u: Readonly<Record<string, unknown>>,
): u is Given<Table> =>
  Object.entries(u).every(
    ([key, value]) => Object.hasOwn(table, key) && E.isRight(table[key].kind.codec.decode(value)),
  )

/**
 * The options of a command from the texts of its flags; a flag without a text is `true`.
 *
 * @returns Left `ConfigError` with one problem for every value that is not allowed
 * @example
 * const table = { num: commandOption(kinds.integer({ min: 1 }), '64', 'How many samples.') }
 * const options = decodeOptions(table, { num: '100' }) // Right { num: 100 }
 */
export const decodeOptions = <Table extends CommandOptions>(
  table: Table,
  raw: Readonly<Record<string, string | true>>,
): E.Either<ConfigError, Given<Table>> => {
  const read = Object.fromEntries(
    Object.entries(raw).map(([key, text]) => [key, text === true ? true : table[key].kind.parse(text)]),
  )
  if (areOptions(table, read)) return E.right(read)
  return E.left(
    configError(
      Object.entries(read)
        .filter(([key, value]) => E.isLeft(table[key].kind.codec.decode(value)))
        .map(([key, value]) => ({ key: `--${key}`, value, allowed: allowedFor(table[key].kind, value) })),
    ),
  )
}
