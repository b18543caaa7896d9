import type { VectorSpace } from '../algebra/index.js'
import { moments, weights } from './exponential-adams.js'
import { slopeFrame } from './frame.js'
import { interpolationStep, type Weighing } from './interpolation-step.js'
import { multistep, type Span } from './multistep.js'
import type { Prediction, Solver } from './solver.js'

export type AdamsOptions = {
  /** 1 to 9: how many slopes the predictor uses, once there is history. */
  readonly order: number
  /**
   * Weights for the steps as they are, or the textbook ones for steps of equal length, whatever they are (as PLMS and iPNDM use them:
   * of order 1 on uneven grids). Default `exact`.
   */
  readonly weighing?: 'exact' | 'even'
  /** Whether the Adams–Moulton formula corrects each step with the slope at its end. Costs no evaluation. Default false. */
  readonly corrector?: boolean
  /** See `Multistep`. Default 0. */
  readonly lowerBelow?: number
}

const highestOrder = 9

/** As if all steps were as long as this one: the node before θ = 0 lies at −1, the one before that at −2. */
const evenly: Weighing = (nodes, _, h) => {
  let age = 0
  const even = nodes.map((theta) => (theta === 1 ? 1 : -age++))
  return weights(even, moments(nodes.length, h, 0))
}

/**
 * Adams–Bashforth, optionally corrected by Adams–Moulton, on the slope of the ODE in the frame Runge–Kutta methods use. One
 * evaluation per step, `order` slopes of history. With exact weights this is k-diffusion's LMS; with even ones PLMS and iPNDM (warmed
 * up with lower orders rather than Runge–Kutta steps). Throws a RangeError for an order that is not an integer in 1 … 9.
 * Source: Butcher 2016, section 241; Liu et al. 2022 (arXiv 2202.09778, eq. 9) for PLMS.
 *
 * @example
 * const path = flow()
 * const steps = program(adams({ order: 4 }), path, 'flow_matching', trailing(path, 20))
 */
export const adams = ({
  order,
  weighing = 'exact',
  corrector = false,
  lowerBelow = 0,
}: AdamsOptions): Solver => {
  if (!Number.isInteger(order) || order < 1 || order > highestOrder)
    throw new RangeError(`Adams methods have orders 1 … ${highestOrder}, not ${order}`)
  const weigh = weighing === 'even' ? evenly : weights
  const step = <V>(V: VectorSpace<V>, span: Span<V>, predictions: ReadonlyArray<Prediction<V>>): V =>
    interpolationStep(V, slopeFrame(span.route), span.x, span, predictions, weigh)
  const predict = <V>(V: VectorSpace<V>, span: Span<V>): V => step(V, span, span.past.slice(0, span.order))
  const correct = <V>(V: VectorSpace<V>, span: Span<V>, now: Prediction<V>): V => {
    const [base, ...older] = span.past.slice(0, span.order)
    return step(V, span, [base, now, ...older])
  }
  return {
    name: 'adams',
    // Limited by a first step without history, and by weights that fit no uneven grid.
    order: weighing === 'even' ? 1 : corrector ? Math.min(order + 1, 3) : Math.min(order, 2),
    stochastic: false,
    run: multistep({ order, lowerBelow, finiteAtClean: true, predict, ...(corrector ? { correct } : {}) }),
  }
}
