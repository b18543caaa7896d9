import type { VectorSpace } from '../algebra/index.js'
import { lambda } from '../path/index.js'
import type { Route } from './route.js'
import type { Asking, Solver } from './solver.js'

/**
 * Euler's method: the model is believed for the whole step. Order 1, one evaluation per step, no history.
 * On the flow path this is x' = x + (sigma' − sigma)·velocity, in Karras' coordinates Euler in sigma/alpha, on a ddpm path DDIM
 * with eta = 0, and DPM-Solver++ of order 1: all the same x' = sigma'·epsilon + alpha'·x0.
 * Source: Song et al. 2020 (arXiv 2010.02502, eq. 12).
 *
 * @example
 * const path = flow()
 * const steps = program(euler(), path, 'flow_matching', trailing(path, 20))
 */
export const euler = (): Solver => ({
  name: 'euler',
  order: 1,
  stochastic: false,
  run: <V>(V: VectorSpace<V>) =>
    function* (x: V, { points }: Route): Asking<V> {
      for (let i = 1; i < points.length; i++) {
        const from = points[i - 1]
        const to = points[i]
        const { x0 } = yield { x, at: from }
        // alpha' − alpha·sigma'/sigma, without subtracting near-equals when the step is short.
        const gain = -to.alpha * Math.expm1(lambda(from) - lambda(to))
        x = V.combine([
          [to.sigma / from.sigma, x],
          [gain, x0],
        ])
      }
      return x
    },
})
