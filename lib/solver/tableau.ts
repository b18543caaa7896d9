import * as E from 'fp-ts/lib/Either.js'
import type { ErrorOf } from '../types/index.js'
import { rootedTrees, type RootedTree } from './rooted-tree.js'

/** The numbers of an explicit Runge–Kutta method with s stages. */
export type Coefficients = {
  /** Where each stage is, as a fraction of the step; s numbers in [0, 1], the first 0. */
  readonly c: ReadonlyArray<number>
  /** How each stage combines the slopes before it: row j has j numbers, which sum to c[j]. */
  readonly a: ReadonlyArray<ReadonlyArray<number>>
  /** How the step combines all slopes: s numbers, which sum to 1. */
  readonly b: ReadonlyArray<number>
}

/** A Runge–Kutta method known to be consistent, with its order worked out rather than claimed. */
export type Tableau = Coefficients & {
  readonly name: string
  /** The largest order, up to 6, all of whose order conditions hold to 1e-12. */
  readonly order: number
}

const highestOrder = 6
const tolerance = 1e-12

const sum = (xs: ReadonlyArray<number>): number => xs.reduce((total, x) => total + x, 0)
const near = (x: number, y: number): boolean => Math.abs(x - y) <= tolerance

/** Per stage, the product over the tree's branches of Σ_k a_jk · (the branch at k): Butcher's elementary weight. */
const stageWeights = (a: Coefficients['a'], tree: RootedTree): ReadonlyArray<number> => {
  const branches = tree.branches.map((branch) => stageWeights(a, branch))
  return a.map((row) =>
    branches.reduce((product, branch) => product * sum(row.map((x, k) => x * branch[k])), 1),
  )
}

const satisfies = ({ a, b }: Coefficients, order: number): boolean =>
  rootedTrees(order).every((tree) => {
    const phi = stageWeights(a, tree)
    return near(sum(b.map((x, j) => x * phi[j])), 1 / tree.density)
  })

const orderOf = (coefficients: Coefficients): number => {
  let order = 0
  while (order < highestOrder && satisfies(coefficients, order + 1)) order++
  return order
}

const problemOf = ({ c, a, b }: Coefficients): string | undefined => {
  const stages = b.length
  if (stages === 0 || c.length !== stages || a.length !== stages)
    return `c, a and b must have one entry per stage, not ${c.length}, ${a.length} and ${stages}`
  if (![...c, ...a.flat(), ...b].every(Number.isFinite)) return 'every coefficient must be a finite number'
  for (const [j, row] of a.entries()) {
    if (row.length !== j)
      return `row ${j} of a must have ${j} entries (the method is explicit), not ${row.length}`
    if (!near(sum(row), c[j])) return `row ${j} of a sums to ${sum(row)}, which must be c[${j}] = ${c[j]}`
    if (c[j] < 0 || c[j] > 1) return `c[${j}] must lie in [0, 1], not ${c[j]}`
  }
  if (!near(sum(b), 1)) return `b sums to ${sum(b)}, which must be 1`
  return undefined
}

/**
 * A tableau from its numbers, or what is wrong with them: every row of `a` must sum to its `c` and `b` to 1, within 1e-12.
 * Source of the order conditions: Butcher 2016 ("Numerical Methods for Ordinary Differential Equations", section 315).
 *
 * @example
 * const heuns = tableau('heun', { c: [0, 1], a: [[], [1]], b: [1 / 2, 1 / 2] }) // right, order 2
 */
export const tableau = (name: string, numbers: Coefficients): E.Either<ErrorOf<'ConfigError'>, Tableau> => {
  const problem = problemOf(numbers)
  return problem === undefined
    ? E.right({ name, ...numbers, order: orderOf(numbers) })
    : E.left({
        _tag: 'ConfigError',
        message: `The Runge–Kutta tableau '${name}' is not a consistent explicit method: ${problem}`,
        problems: [{ key: 'tableau', value: numbers, allowed: 'rows of a that sum to c, b that sums to 1' }],
      })
}
