import type { VectorSpace } from '../algebra/index.js'
import { lambda, type Point } from '../path/index.js'
import type { Route } from './route.js'
import type { Asking, Solver } from './solver.js'

/**
 * The standard deviation of the noise a step of DDIM draws afresh: eta times that of the true posterior, sigma'·√(1 − exp(−2h)) with
 * h the step in half log-SNR; never more than sigma' itself.
 */
const fresh = (from: Point, to: Point, eta: number): number =>
  Math.min(1, eta * Math.sqrt(-Math.expm1(2 * (lambda(from) - lambda(to))))) * to.sigma

/**
 * DDIM: forget a part of the noise and draw it afresh. eta = 0 is Euler's method; eta = 1 on a ddpm path samples the posterior, as
 * DDPM does, and on any path is Euler-ancestral. One evaluation per step, one draw, no history. Throws a RangeError for negative eta.
 * Source: Song et al. 2020 (arXiv 2010.02502, eq. 12 and 16); k-diffusion's `get_ancestral_step`.
 *
 * @example
 * const path = ddpm({ betaSchedule: 'linear' })
 * const steps = program(ddim({ eta: 1 }), path, 'epsilon', trailing(path, 50))
 */
export const ddim = ({ eta }: { readonly eta: number }): Solver => {
  if (!(eta >= 0)) throw new RangeError(`eta is the share of fresh noise, at least 0, not ${eta}`)
  return {
    name: 'ddim',
    order: 1,
    stochastic: eta > 0,
    run: <V>(V: VectorSpace<V>) =>
      function* (x: V, { points }: Route): Asking<V> {
        for (let i = 1; i < points.length; i++) {
          const from = points[i - 1]
          const to = points[i]
          const now = yield { x, at: from }
          const drawn = fresh(from, to, eta)
          // kept·epsilon + alpha'·x0, with epsilon = (x − alpha·x0)/sigma: finite for every model.
          const kept = Math.sqrt(to.sigma * to.sigma - drawn * drawn)
          x = V.combine([
            [kept / from.sigma, x],
            [to.alpha - (from.alpha * kept) / from.sigma, now.x0],
            ...(drawn > 0 ? [[drawn, now.noise] as const] : []),
          ])
        }
        return x
      },
  }
}
