import * as E from 'fp-ts/lib/Either.js'
import type { ErrorOf } from '../types/index.js'
import { dpm } from './dpm.js'
import { euler } from './euler.js'
import { rk4 } from './runge-kutta.js'
import type { Solver } from './solver.js'
import { unipc } from './unipc.js'

/** The names a configuration may use. */
export type SolverName = (typeof solverNames)[number]

export const solverNames = ['euler', 'dpm', 'unipc', 'rk4'] as const

/** What a configuration says about a solver, beside its name. */
export type SolverOptions = { readonly order: number }

/** How to make a solver, with what there is to know before making it. Expects one of its orders; with only one, ignores it. */
export type SolverEntry = ((options: SolverOptions) => Solver) & {
  /** One line for people choosing. */
  readonly summary: string
  /** The orders that can be asked for. */
  readonly orders: ReadonlyArray<number>
}

const entry = (
  summary: string,
  orders: ReadonlyArray<number>,
  make: (options: SolverOptions) => Solver,
): SolverEntry => Object.assign((options: SolverOptions) => make(options), { summary, orders })

/**
 * Every solver by name: what the CLI's choices, tests and tables are made from.
 */
export const solvers: { readonly [N in SolverName]: SolverEntry } = {
  euler: entry('Euler, the same as DDIM', [1], () => euler()),
  dpm: entry('DPM-Solver++ multistep', [1, 2, 3], ({ order }) =>
    dpm({ order: order === 1 || order === 3 ? order : 2 }),
  ),
  unipc: entry('UniPC, predictor and corrector', [1, 2, 3, 4, 5, 6, 7, 8, 9], ({ order }) =>
    unipc({ order }),
  ),
  rk4: entry('the classical Runge–Kutta method, 4 evaluations per step', [4], () => rk4()),
}

const isSolverName = (name: string): name is SolverName => Object.hasOwn(solvers, name)

const problem = (key: string, value: unknown, allowed: string): ErrorOf<'ConfigError'> => ({
  _tag: 'ConfigError',
  message: `${key} is ${JSON.stringify(value)}, but must be one of: ${allowed}`,
  problems: [{ key, value, allowed }],
})

/**
 * The solver a configuration names, or which names and orders there are. A solver of a single order ignores the option.
 *
 * @example
 * const chosen = solverOf('unipc', { order: 3 }) // right
 * const unknownName = solverOf('uni', { order: 3 }) // left: must be one of: euler, dpm, unipc, rk4
 */
export const solverOf = (name: string, options: SolverOptions): E.Either<ErrorOf<'ConfigError'>, Solver> => {
  if (!isSolverName(name)) return E.left(problem('solver', name, solverNames.join(', ')))
  const make = solvers[name]
  return make.orders.length === 1 || make.orders.includes(options.order)
    ? E.right(make(options))
    : E.left(problem(`order of ${name}`, options.order, make.orders.join(', ')))
}
