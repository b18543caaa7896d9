import { logSnrFrame } from './frame.js'
import { interpolationStep } from './interpolation-step.js'
import { multistep } from './multistep.js'
import type { Solver } from './solver.js'

export type DeisOptions = {
  /** 1, 2 or 3. */
  readonly order: 1 | 2 | 3
  /** See `Multistep`; diffusers lowers on grids shorter than 15 steps, the default here too. */
  readonly lowerBelow?: number
}

/**
 * DEIS in its tAB form (log-rho): past noise predictions are interpolated by a polynomial in log(sigma/alpha) and integrated exactly,
 * the exponential Adams–Bashforth method for noise. One evaluation per step, `order` predictions of history. Order 1 is Euler.
 * Source: Zhang & Chen 2022 (arXiv 2204.13902, eq. 15).
 *
 * @example
 * const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
 * const steps = program(deis({ order: 3 }), path, 'epsilon', trailing(path, 20))
 */
export const deis = ({ order, lowerBelow = 15 }: DeisOptions): Solver => ({
  name: 'deis',
  // The first step is of order 1 for want of history, which limits the whole to 2.
  order: Math.min(order, 2),
  stochastic: false,
  run: multistep({
    order,
    lowerBelow,
    predict: (V, span) =>
      interpolationStep(V, logSnrFrame('noise', span), span.x, span, span.past.slice(0, span.order)),
  }),
})
