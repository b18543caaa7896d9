import type { VectorSpace } from '../algebra/index.js'
import type { Point } from '../path/index.js'
import type { Route } from './route.js'
import type { Asking, Prediction, Solver } from './solver.js'

/** One step of a multistep method, as its formulas see it. */
export type Span<V> = {
  /** The whole way that the step is part of. */
  readonly route: Route
  readonly from: Point
  readonly to: Point
  /** The latent at `from`. */
  readonly x: V
  /** Predictions at `from` and before it, newest first; at least `order` of them, or all there are. */
  readonly past: ReadonlyArray<Prediction<V>>
  /** The order to use, at least 1: limited by what is known so far and by the end of the grid. */
  readonly order: number
}

export type Multistep = {
  readonly order: number
  /**
   * Lower the order towards the end of the grid (order n only while n steps are left) on grids of fewer than this many steps:
   * 0 never, Infinity always.
   */
  readonly lowerBelow: number
  /** Whether the full order is good for the step to sigma = 0 too. Not in half log-SNR, where that step is infinitely long: order 1. */
  readonly finiteAtClean?: boolean
  readonly predict: <V>(V: VectorSpace<V>, span: Span<V>) => V
  /** Improve the end of a step with the prediction made there; that prediction is not made again. */
  readonly correct?: <V>(V: VectorSpace<V>, span: Span<V>, now: Prediction<V>) => V
}

const orderOf = (
  { order, lowerBelow, finiteAtClean = false }: Multistep,
  { points, ahead }: Route,
  step: number,
): number => {
  if (points[step + 1].sigma === 0 && !finiteAtClean) return 1
  const left = points.length - 1 - step + ahead
  const lowered = points.length - 1 + ahead < lowerBelow ? left : Infinity
  return Math.min(order, step + 1, lowered)
}

/**
 * The loop every multistep method shares: ask, correct the step just made, remember, predict. The last latent is not corrected.
 *
 * @example
 * const repeatedData: Solver = {
 *   name: 'the newest data prediction, noised again',
 *   order: 1,
 *   stochastic: false,
 *   run: multistep({
 *     order: 1,
 *     lowerBelow: 0,
 *     predict: (V, { to, past: [now] }) => V.combine([[to.alpha, now.x0], [to.sigma, now.epsilon]]),
 *   }),
 * }
 */
export const multistep = (method: Multistep): Solver['run'] => {
  const { predict, correct } = method
  return <V>(V: VectorSpace<V>) =>
    function* (x: V, route: Route): Asking<V> {
      const { points } = route
      let past: ReadonlyArray<Prediction<V>> = []
      let span: Span<V> | undefined
      for (let step = 0; step + 1 < points.length; step++) {
        const now = yield { x, at: points[step] }
        if (span !== undefined && correct !== undefined) x = correct(V, span, now)
        past = [now, ...past.slice(0, method.order - 1)]
        const order = orderOf(method, route, step)
        span = { route, from: points[step], to: points[step + 1], x, past, order }
        x = predict(V, span)
      }
      return x
    }
}
