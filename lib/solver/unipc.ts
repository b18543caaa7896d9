import type { VectorSpace } from '../algebra/index.js'
import { weights } from './exponential-adams.js'
import { type Frame, karrasFrame, logSnrFrame, type Interpolated } from './frame.js'
import { interpolationStep, type Weighing } from './interpolation-step.js'
import { multistep, type Span } from './multistep.js'
import type { Prediction, Solver } from './solver.js'

export type UnipcOptions = {
  /** The order of the predictor UniP, 1 to 9, once there is history; the corrector UniC raises it by one. */
  readonly order: number
  /** B(h) of the paper: h itself (bh1) or exp(h) − 1 (bh2). Only matters where `rho` is the paper's. Default `bh2`. */
  readonly variant?: 'bh1' | 'bh2'
  /** Whether to correct each step with the prediction at its end. Costs no evaluation. Default true. */
  readonly corrector?: boolean
  /**
   * The coefficient of the single difference in UniP-2 and UniC-1: the constant 1/2 of the paper and every implementation but
   * skrample, or the solution of its order condition. Default `paper`.
   */
  readonly rho?: 'paper' | 'solved'
  /** Default `data`. */
  readonly interpolated?: Interpolated
  /** See `Multistep`. Default Infinity, as the paper's code: the order is lowered at the end of every grid. */
  readonly lowerBelow?: number
}

/** The largest order whose weights were seen to stay accurate and useful. */
const highestOrder = 9

/**
 * UniPC: the exponential Adams–Bashforth predictor UniP of any order, and its Adams–Moulton corrector UniC, which reuses the
 * prediction made at the end of a step. One evaluation per step, `order` predictions of history. Throws a RangeError for an order
 * that is not an integer in 1 … 9.
 *
 * At the pure-noise end (alpha = 0) half log-SNR is −∞: a prediction made there has no influence on later slopes, and the
 * step away from it is exact for constant data; both are the limits of the formulas.
 * Source: Zhao et al. 2023 (arXiv 2302.04867, algorithms 1–4). The paper's B(h) cancels wherever rho is solved for, so that bh1 and
 * bh2 differ in UniP-2 and UniC-1 only.
 *
 * @example
 * const path = flow()
 * const steps = program(unipc({ order: 3 }), path, 'flow_matching', trailing(path, 10))
 */
export const unipc = ({
  order,
  variant = 'bh2',
  corrector = true,
  rho = 'paper',
  interpolated = 'data',
  lowerBelow = Infinity,
}: UnipcOptions): Solver => {
  if (!Number.isInteger(order) || order < 1 || order > highestOrder)
    throw new RangeError(`UniPC has orders 1 … ${highestOrder}, not ${order}`)
  /** gain·m + (B/2)·(m1 − m)/r */
  const half = (gain: number, h: number, r: number): Float64Array => {
    // With bh1 an infinite step would weigh a difference infinitely; its bh2 is finite.
    const slope = (variant === 'bh1' && Number.isFinite(h) ? h : gain) / 2 / r
    return Float64Array.of(gain - slope, slope)
  }

  const weigh: Weighing = (nodes, integral, h) =>
    nodes.length === 2 ? half(integral[0], h, nodes[1]) : weights(nodes, integral)

  /**
   * The noise frame for the step to sigma = 0, of order 1, is Karras': x' = (x − sigma·epsilon)/alpha. The data frame would say the same of
   * the latent that was asked about, but x has been corrected since, and would be forgotten.
   */
  const frameOf = <V>({ from, to }: Span<V>): Frame =>
    interpolated === 'noise' && to.sigma === 0 && from.alpha !== 0
      ? karrasFrame
      : logSnrFrame(interpolated, { from, to })

  const predict = <V>(V: VectorSpace<V>, span: Span<V>): V => {
    const rule = rho === 'paper' && span.order === 2 ? weigh : weights
    return interpolationStep(V, frameOf(span), span.x, span, span.past.slice(0, span.order), rule)
  }

  const correct = <V>(V: VectorSpace<V>, span: Span<V>, now: Prediction<V>): V => {
    const [base, ...older] = span.past.slice(0, span.order)
    const rule = rho === 'paper' && span.order === 1 ? weigh : weights
    return interpolationStep(V, logSnrFrame(interpolated, span), span.x, span, [base, now, ...older], rule)
  }

  return {
    name: 'unipc',
    // A trajectory starts without history: its first step is of order 1, or 2 corrected, and one such step limits the whole.
    order: corrector ? Math.min(order + 1, 3) : Math.min(order, 2),
    stochastic: false,
    run: multistep({ order, lowerBelow, predict, ...(corrector ? { correct } : {}) }),
  }
}
