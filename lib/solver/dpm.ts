import type { VectorSpace } from '../algebra/index.js'
import { lambda } from '../path/index.js'
import { moments } from './exponential-adams.js'
import { logSnrFrame, type Ends, type Interpolated } from './frame.js'
import { weightedStep } from './interpolation-step.js'
import { multistep, type Span } from './multistep.js'
import type { Solver } from './solver.js'

export type DpmOptions = {
  /** 1, 2 or 3. */
  readonly order: 1 | 2 | 3
  /** How order 2 weighs its slope: by half the step's gain, or by the exact integral. Default `midpoint`. */
  readonly type?: 'midpoint' | 'heun'
  /** DPM-Solver++ interpolates data, DPM-Solver noise. Default `data`. */
  readonly interpolated?: Interpolated
  /**
   * How much noise is forgotten and drawn afresh: 0 solves the ODE, 1 the SDE. Only for data. Default 0.
   */
  readonly eta?: number
  /** See `Multistep`; diffusers lowers on grids shorter than 15 steps, the default here too. */
  readonly lowerBelow?: number
}

/** The length of an earlier step relative to this one of length h, in half log-SNR. Infinite if it left alpha = 0. */
const ratio = <V>({ past }: Span<V>, age: number, h: number): number =>
  (lambda(past[age].at) - lambda(past[age + 1].at)) / h

/**
 * The weights of the predictions of a span, newest first, for a step of length h in half log-SNR with these moments.
 *
 * With D1 = (m − m1)/r0 and D11 = (m1 − m2)/r1, order 2 adds a slope D1; order 3 adds the slope D1 + r0·C and half the
 * curvature C = (D1 − D11)/(r0 + r1).
 */
const weightsOf = <V>(
  span: Span<V>,
  h: number,
  [gain, first, second]: Float64Array,
  type: 'midpoint' | 'heun',
) => {
  if (span.order === 1) return [gain]
  const r0 = ratio(span, 0, h)
  if (span.order === 2) {
    const slope = (type === 'midpoint' ? gain / 2 : first) / r0
    return [gain + slope, -slope]
  }
  const r1 = ratio(span, 1, h)
  const curvature = (first * r0 + second / 2) / (r0 + r1)
  const newer = (first + curvature) / r0
  const older = curvature / r1
  return [gain + newer, -newer - older, older]
}

/**
 * DPM-Solver++ multistep, orders 1–3, and with eta = 1 its SDE form; order 1 is Euler. One evaluation per step, `order` predictions of
 * history. Throws a RangeError for an SDE on noise predictions, or a negative eta.
 * Source: Lu et al. 2022 (arXiv 2211.01095, algorithm 2 and section 5), k-diffusion's `sample_dpmpp_2m_sde` for eta between, and the
 * authors' code for order 3: its second difference enters with half the weight that interpolation would give it, kept because every
 * implementation does. Not to be confused with the singlestep methods of the same name.
 *
 * @example
 * const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
 * const steps = program(dpm({ order: 2 }), path, 'epsilon', trailing(path, 20))
 */
export const dpm = ({
  order,
  type = 'midpoint',
  interpolated = 'data',
  eta = 0,
  lowerBelow = 15,
}: DpmOptions): Solver => {
  if (!(eta >= 0) || (eta > 0 && interpolated === 'noise'))
    throw new RangeError(`eta must be at least 0, and 0 for noise predictions, not ${eta}`)
  const predict = <V>(V: VectorSpace<V>, span: Span<V>): V => {
    const h = lambda(span.to) - lambda(span.from)
    const frame = logSnrFrame(interpolated, span)
    if (eta === 0)
      return weightedStep(
        V,
        frame,
        span.x,
        span,
        span.past,
        weightsOf(span, h, moments(3, h, frame.rate), type),
      )
    // Forgetting noise at rate eta shrinks x by exp(−eta·h), and lets the data count for a step longer by eta.
    const weights = weightsOf(span, h, moments(3, (1 + eta) * h, frame.rate), type)
    const forgetting = { ...frame, carry: (ends: Ends) => frame.carry(ends) * Math.exp(-eta * h) }
    return V.combine([
      [1, weightedStep(V, forgetting, span.x, span, span.past, weights)],
      [span.to.sigma * Math.sqrt(-Math.expm1(-2 * eta * h)), span.past[0].noise],
    ])
  }
  return {
    name: 'dpm',
    // The first step is of order 1 for want of history, which limits the whole to 2; so does the half second difference of order 3.
    order: eta > 0 ? 1 : Math.min(order, 2),
    stochastic: eta > 0,
    run: multistep({ order, lowerBelow, predict }),
  }
}
