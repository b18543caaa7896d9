import type { VectorSpace } from '../algebra/index.js'
import type { Point } from '../path/index.js'
import type { Parameterisation } from '../types/index.js'
import { prediction } from './prediction.js'
import type { Route } from './route.js'
import type { Solver } from './solver.js'

/** What answers a solver's questions in some vector space. */
export type Respondent<V> = {
  readonly space: VectorSpace<V>
  readonly parameterisation: Parameterisation
  /** The model's raw output for the latent x at a point. */
  readonly model: (x: V, at: Point) => V
  /** Fresh standard normal noise; needed by stochastic solvers only, and asked for at most once per evaluation. */
  readonly noise?: () => V
}

/**
 * Run a solver directly: answer its questions one by one until it returns. This is what a program is an account of, and the way
 * to run a solver in a space of one's own.
 *
 * @example
 * const path = flow()
 * const x0 = drive(euler(), route(path, trailing(path, 10)), 1.5, {
 *   space: numberSpace,
 *   parameterisation: 'sample',
 *   model: () => 0.25,
 * })
 */
export const drive = <V>(solver: Solver, along: Route, x: V, respondent: Respondent<V>): V => {
  const { space, parameterisation, model, noise } = respondent
  const asking = solver.run(space)(x, along)
  let asked = asking.next()
  while (asked.done !== true) {
    const { x, at } = asked.value
    asked = asking.next(prediction(space, parameterisation, asked.value, model(x, at), noise))
  }
  return asked.value
}
