import type { Term, VectorSpace } from '../algebra/index.js'
import { lambda } from '../path/index.js'
import { moments } from './exponential-adams.js'
import { logSnrFrame, type Ends, type Interpolated } from './frame.js'
import { weightedStep } from './interpolation-step.js'
import type { Route } from './route.js'
import type { Asking, Prediction, Solver } from './solver.js'

export type DpmSinglestepOptions = {
  /** 2 or 3: how many evaluations make one step. */
  readonly order: 2 | 3
  /** How the differences are weighed; `heun` uses all of them exactly. Default `midpoint`. */
  readonly type?: 'midpoint' | 'heun'
  /** DPM-Solver++ interpolates data, DPM-Solver noise. Default `data`. */
  readonly interpolated?: Interpolated
  /** How much noise is forgotten and drawn afresh: 0 solves the ODE, 1 the SDE. Only for data. Default 0. */
  readonly eta?: number
  /** End the grid with steps of order 1, where it ends at all. Default true. A last step to sigma = 0 has order 1 in any case. */
  readonly lowerOrderFinal?: boolean
}

/**
 * Which order each evaluation ends in: 1, 2, … up to the order, again and again. The last one is of order 1 where it is the step to
 * sigma = 0, or where a lowered grid would end with a full group: diffusers' `get_order_list`. The step away from alpha = 0, infinitely
 * long in half log-SNR, has room for no stage and is of order 1 too.
 */
const ordersOf = (
  order: 2 | 3,
  { points, ahead }: Route,
  lowerOrderFinal: boolean,
): ReadonlyArray<number> => {
  const steps = Math.max(points.length - 1, 0)
  const alone = steps > 0 && points[0].alpha === 0 ? 1 : 0
  const cycle = Array.from({ length: steps }, (_, i) => (i < alone ? 1 : ((i - alone) % order) + 1))
  const short =
    steps > 0 && (points[steps].sigma === 0 || (lowerOrderFinal && ahead === 0 && cycle[steps - 1] === order))
  return short ? [...cycle.slice(0, -1), 1] : cycle
}

/**
 * The weights of the predictions of a group so far, oldest first, for the step from its start. Forgetting noise at rate eta lets the data
 * count for a step longer by eta.
 */
const weightsOf = <V>(
  group: ReadonlyArray<Prediction<V>>,
  { from, to }: Ends,
  rate: -1 | 0 | 1,
  type: 'midpoint' | 'heun',
  eta: number,
): ReadonlyArray<number> => {
  const start = lambda(from)
  const h = lambda(to) - start
  const [gain, first, second] = moments(3, (1 + eta) * h, rate)
  if (group.length === 1) return [gain]
  const r0 = (lambda(group[group.length - 1].at) - start) / h
  if (group.length === 2) {
    const slope = (type === 'midpoint' ? gain / 2 : first) / r0
    return [gain - slope, slope]
  }
  // A2 = (m2 − m0)/r0, A1 = (m1 − m0)/r1.
  const r1 = (lambda(group[1].at) - start) / h
  if (type === 'midpoint') return [gain - first / r0, 0, first / r0]
  // Slope (r0·A1 − r1·A2)/(r0 − r1), curvature 2·(A2 − A1)/(r0 − r1), whose weight is half the second moment.
  const newest = (second - first * r1) / (r0 - r1) / r0
  const middle = (first * r0 - second) / (r0 - r1) / r1
  return [gain - newest - middle, middle, newest]
}

/** What is left, after a step of length h in half log-SNR, of the noise there was, and how much of it is fresh: both in units of sigma. */
const forgetting = ({ from, to }: Ends, eta: number): { readonly kept: number; readonly fresh: number } => {
  const h = eta === 0 ? 0 : eta * (lambda(to) - lambda(from))
  return { kept: Math.exp(-h), fresh: Math.sqrt(-Math.expm1(-2 * h)) }
}

/**
 * DPM-Solver++ singlestep, orders 2 and 3, and with eta = 1 its SDE form: every two or three points of the grid make one step, from its
 * first point to the one after its last, the points between being the stages. One evaluation per point, no history beyond the step.
 * Throws a RangeError for an SDE on noise predictions, or a negative eta.
 *
 * With eta > 0 every evaluation draws once, for the stretch up to the next point, and a step starts again with all the draws since its
 * start: its stages lie on the very path of the noise that the step takes, as they do with the Brownian motion of k-diffusion's
 * `sample_dpmpp_sde`. Where the data prediction is constant, the draws thus make the same trajectory as those of every exact solver
 * of the SDE. diffusers draws anew for the step, so that its stages were predicted on another path.
 * Source: Lu et al. 2022 (arXiv 2211.01095, algorithm 1 and section 5; arXiv 2206.00927, algorithms 1–2), with the stages where the
 * grid has points, as diffusers places them. Not to be confused with the multistep methods of the same name.
 *
 * @example
 * const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
 * const steps = program(dpmSinglestep({ order: 2 }), path, 'epsilon', trailing(path, 20))
 */
export const dpmSinglestep = ({
  order,
  type = 'midpoint',
  interpolated = 'data',
  eta = 0,
  lowerOrderFinal = true,
}: DpmSinglestepOptions): Solver => {
  if (!(eta >= 0) || (eta > 0 && interpolated === 'noise'))
    throw new RangeError(`eta must be at least 0, and 0 for noise predictions, not ${eta}`)
  return {
    name: 'dpm_singlestep',
    order: eta > 0 ? 1 : order,
    stochastic: eta > 0,
    run: <V>(V: VectorSpace<V>) =>
      function* (x: V, route: Route): Asking<V> {
        const { points } = route
        let base = x
        let group: ReadonlyArray<Prediction<V>> = []
        /** All noise drawn since the group's start, as it is now. */
        let drawn: ReadonlyArray<Term<V>> = []
        for (const [i, k] of ordersOf(order, route, lowerOrderFinal).entries()) {
          const now = yield { x, at: points[i] }
          if (k === 1) base = x
          group = k === 1 ? [now] : [...group, now]
          const ends = { from: group[0].at, to: points[i + 1] }
          const frame = logSnrFrame(interpolated, ends)
          const shrunk = { ...frame, carry: (e: Ends) => frame.carry(e) * forgetting(e, eta).kept }
          x = weightedStep(V, shrunk, base, ends, group, weightsOf(group, ends, frame.rate, type, eta))
          if (eta === 0) continue
          const last = { from: now.at, to: points[i + 1] }
          const { kept, fresh } = forgetting(last, eta)
          const older = k === 1 ? [] : drawn
          const left = (kept * last.to.sigma) / last.from.sigma
          drawn = [...older.map(([w, z]): Term<V> => [w * left, z]), [fresh * last.to.sigma, now.noise]]
          x = V.combine([[1, x], ...drawn])
        }
        return x
      },
  }
}
