import type { Term, VectorSpace } from '../algebra/index.js'
import type { Path, Point } from '../path/index.js'
import { slopeFrame, type Ends, type SlopeFrame } from './frame.js'
import type { Route } from './route.js'
import type { Asking, Solver } from './solver.js'
import type { Coefficients, Tableau } from './tableau.js'
import { heunTableau, kutta3Tableau, midpointTableau, ralstonTableau, rk4Tableau } from './tableaux.js'

/**
 * One step: X_j = x + h·Σ a_jk k_k, k_j = slope(X_j), x' = x + h·Σ b_j k_j, in a frame where the ODE is dy/du = slope.
 * A stage at sigma = 0 is not asked about, since a clean latent has no noise to predict: its slope is taken to be the mean slope
 * that led there. Heun's method thus ends with an Euler step, as in all implementations.
 */
const takeStep = function* <V>(
  V: VectorSpace<V>,
  { a, b, c }: Coefficients,
  { position, carry, gain, reading, point }: SlopeFrame,
  path: Path,
  x: V,
  { from, to }: Ends,
): Asking<V> {
  const start = position(from)
  const h = position(to) - start
  const slopes: Array<V> = []
  /** The latent at a point, from the step's start along Σ w_k k_k. */
  const along = (w: ReadonlyArray<number>, at: Point): V => {
    const ahead = slopes.map((k, j): Term<V> => [gain(at) * h * (w[j] ?? 0), k])
    return V.combine([[carry({ from, to: at }), x], ...ahead])
  }
  for (const [j, row] of a.entries()) {
    const at = c[j] === 0 ? from : c[j] === 1 ? to : point(path, start + c[j] * h)
    slopes.push(
      at.sigma === 0
        ? V.combine(row.map((w, k): Term<V> => [w / c[j], slopes[k]]))
        : reading(yield { x: j === 0 ? x : along(row, at), at }),
    )
  }
  return along(b, to)
}

/**
 * The explicit Runge–Kutta method of a tableau: as many evaluations per step as it has stages, no history. It integrates in a
 * frame where the ODE has no linear part (see `slopeFrame`) and asks at true points of the path in between.
 * Source: Butcher 2016, section 232.
 *
 * @example
 * const path = flow()
 * const steps = program(rungeKutta(rk4Tableau), path, 'flow_matching', trailing(path, 5))
 */
export const rungeKutta = (tableau: Tableau): Solver => ({
  name: tableau.name,
  order: tableau.order,
  stochastic: false,
  run: <V>(V: VectorSpace<V>) =>
    function* (x: V, route: Route): Asking<V> {
      const { path, points } = route
      const frame = slopeFrame(route)
      for (let i = 1; i < points.length; i++)
        x = yield* takeStep(V, tableau, frame, path, x, { from: points[i - 1], to: points[i] })
      return x
    },
})

/**
 * DPM-Solver-2 as k-diffusion has it: the midpoint rule with its midpoint where half log-SNR has its own, at the geometric mean of the
 * step's ends in sigma/alpha (sigma on the flow path). Order 2, two evaluations per step, one for the step to sigma = 0.
 * Source: Karras et al. 2022 (arXiv 2206.00364, appendix D.1) on Lu et al. 2022 (arXiv 2206.00927, algorithm 1).
 *
 * @example
 * const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
 * const steps = program(dpm2(), path, 'epsilon', karras(path, 10))
 */
export const dpm2 = (): Solver => ({
  name: 'dpm2',
  order: 2,
  stochastic: false,
  run: <V>(V: VectorSpace<V>) =>
    function* (x: V, route: Route): Asking<V> {
      const { path, points } = route
      const frame = slopeFrame(route)
      for (let i = 1; i < points.length; i++) {
        const from = points[i - 1]
        const to = points[i]
        const [start, end] = [frame.position(from), frame.position(to)]
        const middle = (Math.sqrt(start * end) - start) / (end - start)
        const stages = { c: [0, middle], a: [[], [middle]], b: [0, 1] }
        x = yield* takeStep(V, stages, frame, path, x, { from, to })
      }
      return x
    },
})

/**
 * Heun's method, Karras' sampler: order 2, two evaluations per step, one for the step to sigma = 0.
 *
 * @example
 * const path = flow()
 * const steps = program(heun(), path, 'flow_matching', trailing(path, 10))
 */
export const heun = (): Solver => rungeKutta(heunTableau)

/**
 * The explicit midpoint rule: order 2, two evaluations per step.
 *
 * @example
 * const path = flow()
 * const steps = program(midpoint(), path, 'flow_matching', trailing(path, 10))
 */
export const midpoint = (): Solver => rungeKutta(midpointTableau)

/**
 * Ralston's method: order 2, two evaluations per step, neither of them at the step's end.
 *
 * @example
 * const path = flow()
 * const steps = program(ralston(), path, 'flow_matching', trailing(path, 10))
 */
export const ralston = (): Solver => rungeKutta(ralstonTableau)

/**
 * Kutta's method of order 3: three evaluations per step.
 *
 * @example
 * const path = flow()
 * const steps = program(kutta3(), path, 'flow_matching', trailing(path, 7))
 */
export const kutta3 = (): Solver => rungeKutta(kutta3Tableau)

/**
 * The classical Runge–Kutta method: order 4, four evaluations per step.
 *
 * @example
 * const path = flow()
 * const steps = program(rk4(), path, 'flow_matching', trailing(path, 5))
 */
export const rk4 = (): Solver => rungeKutta(rk4Tableau)
