import * as E from 'fp-ts/lib/Either.js'
import type { ErrorOf } from '../types/index.js'
import { adams } from './adams.js'
import { ddim } from './ddim.js'
import { deis } from './deis.js'
import { dpm } from './dpm.js'
import { dpmSinglestep } from './dpm-singlestep.js'
import { euler } from './euler.js'
import { dpm2, heun, kutta3, midpoint, ralston, rk4 } from './runge-kutta.js'
import type { Solver } from './solver.js'
import { unipc } from './unipc.js'

/** The names a configuration may use. */
export type SolverName = (typeof solverNames)[number]

export const solverNames = [
  'euler',
  'ddim',
  'euler_ancestral',
  'dpm',
  'dpm_sde',
  'dpm_singlestep',
  'dpm_singlestep_sde',
  'unip',
  'unipc',
  'deis',
  'lms',
  'ipndm',
  'adams_moulton',
  'heun',
  'midpoint',
  'dpm2',
  'ralston',
  'kutta3',
  'rk4',
] as const

/** What a configuration says about a solver, beside its name. */
export type SolverOptions = {
  readonly order: number
  /** How much noise `ddim` draws afresh, 0 (the default) to 1; other solvers ignore it. */
  readonly eta?: number
}

const upTo3 = (order: number): 1 | 2 | 3 => (order === 1 || order === 3 ? order : 2)

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
  euler: entry('Euler, the same as DDIM without noise', [1], () => euler()),
  ddim: entry('DDIM, with a share eta of fresh noise', [1], ({ eta = 0 }) => ddim({ eta })),
  euler_ancestral: entry('Euler-ancestral: DDIM with eta = 1', [1], () => ddim({ eta: 1 })),
  dpm: entry('DPM-Solver++ multistep', [1, 2, 3], ({ order }) => dpm({ order: upTo3(order) })),
  dpm_sde: entry('DPM-Solver++ multistep for the SDE: fresh noise at every step', [1, 2, 3], ({ order }) =>
    dpm({ order: upTo3(order), eta: 1 }),
  ),
  dpm_singlestep: entry('DPM-Solver++ singlestep', [2, 3], ({ order }) =>
    dpmSinglestep({ order: order === 3 ? 3 : 2 }),
  ),
  dpm_singlestep_sde: entry(
    'DPM-Solver++ singlestep for the SDE: fresh noise at every evaluation',
    [2, 3],
    ({ order }) => dpmSinglestep({ order: order === 3 ? 3 : 2, eta: 1 }),
  ),
  unip: entry('UniP: UniPC without its corrector', [1, 2, 3, 4, 5, 6, 7, 8, 9], ({ order }) =>
    unipc({ order, corrector: false }),
  ),
  unipc: entry('UniPC, predictor and corrector', [1, 2, 3, 4, 5, 6, 7, 8, 9], ({ order }) =>
    unipc({ order }),
  ),
  deis: entry('DEIS, tAB form', [1, 2, 3], ({ order }) => deis({ order: upTo3(order) })),
  lms: entry('Adams–Bashforth for the steps as they are', [1, 2, 3, 4], ({ order }) => adams({ order })),
  ipndm: entry('Adams–Bashforth with the weights of even steps (PLMS)', [1, 2, 3, 4], ({ order }) =>
    adams({ order, weighing: 'even' }),
  ),
  adams_moulton: entry('Adams–Bashforth, corrected by Adams–Moulton', [1, 2, 3, 4], ({ order }) =>
    adams({ order, corrector: true }),
  ),
  heun: entry("Heun's method, 2 evaluations per step", [2], () => heun()),
  midpoint: entry('the midpoint rule, 2 evaluations per step', [2], () => midpoint()),
  dpm2: entry('DPM-Solver-2 as k-diffusion has it, 2 evaluations per step', [2], () => dpm2()),
  ralston: entry("Ralston's method, 2 evaluations per step", [2], () => ralston()),
  kutta3: entry("Kutta's method of order 3, 3 evaluations per step", [3], () => kutta3()),
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
 * const unknownName = solverOf('uni', { order: 3 }) // left: must be one of: euler, ddim, …
 */
export const solverOf = (name: string, options: SolverOptions): E.Either<ErrorOf<'ConfigError'>, Solver> => {
  if (!isSolverName(name)) return E.left(problem('solver', name, solverNames.join(', ')))
  const make = solvers[name]
  return make.orders.length === 1 || make.orders.includes(options.order)
    ? E.right(make(options))
    : E.left(problem(`order of ${name}`, options.order, make.orders.join(', ')))
}
