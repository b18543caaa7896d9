import * as E from 'fp-ts/lib/Either.js'
import * as R from 'fp-ts/lib/ReadonlyRecord.js'
import { configError, type ConfigError } from '../../config/index.js'
import type { Constant } from '../../model/index.js'

/** A number, or the places of an image of tokens. */
const constantOf = (name: string, text: string): E.Either<ConfigError, Constant> => {
  const grid = /^grid:([1-9]\d*)x([1-9]\d*)$/.exec(text)
  if (grid !== null) return E.right({ rows: Number(grid[1]), columns: Number(grid[2]) })
  return text.trim() !== '' && Number.isFinite(Number(text))
    ? E.right(Number(text))
    : E.left(
        configError([
          { key: `model.constants.${name}`, value: text, allowed: 'a number, or grid:ROWSxCOLUMNS' },
        ]),
      )
}

/**
 * What `model.constants` says of a model's inputs.
 *
 * @returns Left `ConfigError` where a text is neither a number nor a grid
 * @example
 * const constants = constantsOf({ img_ids: 'grid:16x24', guidance: '3.5' })
 */
export const constantsOf = (
  texts: Readonly<Record<string, string>>,
): E.Either<ConfigError, Readonly<Record<string, Constant>>> =>
  R.traverseWithIndex(E.Applicative)(constantOf)(texts)
