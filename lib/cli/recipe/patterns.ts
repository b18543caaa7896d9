import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type Config, configError, type ConfigError } from '../../config/index.js'
import { listed, nearNames, type Pattern, patternFits } from '../../lora/index.js'
import { reasonOf } from '../../types/index.js'

/**
 * A pattern as it is written in a configuration: an expression where it stands between slashes, else a name.
 *
 * @param key of the option, for messages
 * @returns Left `ConfigError` where an expression is none
 * @example
 * const pattern = textPattern('trainable')('/attn[12]/')
 */
export const textPattern =
  (key: string) =>
  (text: string): E.Either<ConfigError, Pattern> => {
    const expression = /^\/(.+)\/$/s.exec(text)?.[1]
    if (expression === undefined) return E.right(text)
    return E.tryCatch(
      () => new RegExp(expression),
      (cause) =>
        configError([
          {
            key,
            value: text,
            allowed: `a regular expression between the slashes (${reasonOf(cause)})`,
          },
        ]),
    )
  }

type Weight = { readonly name: string; readonly dims: ReadonlyArray<number> }

/** Which weights some patterns name; every one of them has to name some. */
const named = (
  key: string,
  texts: ReadonlyArray<string>,
  weights: ReadonlyArray<Weight>,
): E.Either<ConfigError, ReadonlySet<string>> =>
  pipe(
    texts,
    E.traverseArray((text) =>
      pipe(
        textPattern(key)(text),
        E.map((pattern) => weights.filter(({ name, dims }) => patternFits(pattern, name, dims))),
        E.filterOrElse(
          (found) => found.length > 0,
          () => {
            const names = weights.map(({ name }) => name)
            const near = nearNames(text, names)
            return configError([
              {
                key,
                value: text,
                allowed: `names of weights; ${near.length > 0 ? `near ones: ${listed(near)}` : `there are ${listed(names)}`}`,
              },
            ])
          },
        ),
      ),
    ),
    E.map((found) => new Set(found.flat().map(({ name }) => name))),
  )

/**
 * Which weights train: those that `trainable` names, or all, but for those that `frozen` names.
 *
 * @returns Left `ConfigError` where a pattern fits no weight, or none is left to train
 * @example
 * declare const config: Config
 * const trains = namePatterns(config, [{ name: 'head.bias', dims: [8] }])
 */
export const namePatterns = (
  { trainable, frozen }: Pick<Config, 'trainable' | 'frozen'>,
  weights: ReadonlyArray<Weight>,
): E.Either<ConfigError, (name: string) => boolean> =>
  pipe(
    E.Do,
    E.apS('wanted', trainable === null ? E.right(undefined) : named('trainable', trainable, weights)),
    E.apS('kept', frozen === null ? E.right(undefined) : named('frozen', frozen, weights)),
    E.map(
      ({ wanted, kept }) =>
        (name: string): boolean =>
          (wanted === undefined || wanted.has(name)) && !(kept?.has(name) ?? false),
    ),
    E.filterOrElse(
      (trains) => weights.some(({ name }) => trains(name)),
      () =>
        configError([
          { key: 'frozen', value: frozen, allowed: 'fewer weights: nothing is left that trains' },
        ]),
    ),
  )
