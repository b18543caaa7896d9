import * as E from 'fp-ts/lib/Either.js'
import type { Path } from '../path/index.js'
import type { ErrorOf } from '../types/index.js'
import { leading, linspace, trailing, type Grid } from './grid.js'
import { beta, exponential, karras } from './sigma-grid.js'

/** The names a configuration may use. */
export type GridName = (typeof gridNames)[number]

export const gridNames = ['trailing', 'leading', 'linspace', 'karras', 'exponential', 'beta'] as const

/** Every way to lay out a whole trajectory of so many steps, by name, with its usual options. */
export const grids: { readonly [N in GridName]: (path: Path, steps: number) => Grid } = {
  trailing,
  leading: (path, steps) => leading(path, steps),
  linspace: (path, steps) => linspace(path, steps),
  karras: (path, steps) => karras(path, steps),
  exponential: (path, steps) => exponential(path, steps),
  beta: (path, steps) => beta(path, steps),
}

const isGridName = (name: string): name is GridName => Object.hasOwn(grids, name)

/**
 * The grid a configuration names, or which names there are.
 *
 * @example
 * const chosen = gridOf('karras') // right
 * const unknownName = gridOf('caras') // left: must be one of: trailing, leading, …
 */
export const gridOf = (
  name: string,
): E.Either<ErrorOf<'ConfigError'>, (path: Path, steps: number) => Grid> => {
  const allowed = gridNames.join(', ')
  return isGridName(name)
    ? E.right(grids[name])
    : E.left({
        _tag: 'ConfigError',
        message: `grid is ${JSON.stringify(name)}, but must be one of: ${allowed}`,
        problems: [{ key: 'grid', value: name, allowed }],
      })
}
