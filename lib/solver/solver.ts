import type { VectorSpace } from '../algebra/index.js'
import type { Point } from '../path/index.js'
import type { Route } from './route.js'

/** What a solver wants to know: what does the model say about the latent `x` at the point `at`? */
export type Question<V> = { readonly x: V; readonly at: Point }

/**
 * The answer, read in whichever way the solver likes; each reading is computed when first asked for, so that one which would be
 * infinite (the noise of a `sample` model at sigma = 0) does no harm unless used.
 */
export type Prediction<V> = {
  readonly at: Point
  /** The data. */
  readonly x0: V
  /** The noise. */
  readonly epsilon: V
  /** epsilon − x0: the velocity of the straight path, on any path. */
  readonly velocity: V
  /** A fresh standard normal draw, one per evaluation; only for solvers that declare themselves `stochastic`. */
  readonly noise: V
}

/** A computation that asks questions and ends in a latent. It never calls a model: whoever drives it does. */
export type Asking<V> = Generator<Question<V>, V, Prediction<V>>

/**
 * A way to walk a latent along a route. `run` forms nothing but linear combinations of latents and predictions, with coefficients
 * that depend on the route alone. Its first question is about the initial latent itself.
 *
 * Laws, checked by `deriva/laws`: a constant data prediction is reproduced exactly; the error shrinks with the declared order; the
 * result does not depend on the parameterisation; every coefficient is finite.
 */
export type Solver = {
  readonly name: string
  /** The order of convergence in the step size on smooth problems, of whole trajectories that start without history. */
  readonly order: number
  /** Whether it draws fresh noise. */
  readonly stochastic: boolean
  readonly run: <V>(space: VectorSpace<V>) => (x: V, route: Route) => Asking<V>
}
