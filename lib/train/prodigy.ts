import {
  abs,
  add,
  div,
  equal,
  greater,
  max,
  min,
  mul,
  reduceSum,
  sqrt,
  sub,
  sum,
  type Value,
  where,
} from '../onnx/index.js'
import { float32, size, type TensorOf } from '../types/index.js'
import type { Optimizer } from './optimizer.js'
import type { Schedule } from './schedule.js'
import type { Parameters } from './state.js'

export type ProdigyOptions = {
  /** Multiplies the step size that Prodigy finds: 1 is right, and schedules go from 1. */
  readonly learningRate: Schedule
  /** Decay of the first moment, 0 … 1. Default 0.9. */
  readonly beta1?: number
  /** Decay of the second moment, 0 … 1. Default 0.999. */
  readonly beta2?: number
  /** Decay of the sums that the distance is estimated from, 0 … 1. Default √beta2. */
  readonly beta3?: number
  /** Default 1e-8. */
  readonly epsilon?: number
  /** Default 0; decoupled: parameters shrink by d · learningRate · weightDecay a step. */
  readonly weightDecay?: number
  /** Adam's correction of the moments' start. Default false. */
  readonly biasCorrection?: boolean
  /** Keeps the learning rate out of the denominator of the estimate, so that a warm-up does not blow it up. Default false. */
  readonly safeguardsWarmup?: boolean
  /** d0, the first estimate of the distance to the solution: small, above 0. Default 1e-6. */
  readonly initialDistance?: number
  /** Multiplies the estimate; above 1 steps are larger. Default 1. */
  readonly distanceFactor?: number
  /** The largest factor by which the estimate may grow in a step. Default: no limit. */
  readonly growthRate?: number
}

const whole = (x: Value): Value =>
  reduceSum(
    x,
    x.shape.map((_, axis) => axis),
    false,
  )

const zeros = (parameters: Parameters): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, { dims }]) => [name, float32(dims, new Float32Array(size(dims)))]),
  )

const number = (x: number): TensorOf<'float32'> => float32([], [x])

/**
 * Prodigy (Mishchenko & Defazio 2023, arXiv 2306.06101, algorithm 4): Adam whose step size is an estimate d of the distance from the
 * start p0 to the solution, made from all parameters together. In the form and with the defaults of the authors' `prodigyopt`, with
 * γ = d·learningRate (times the bias correction, if any):
 *
 *     m' = β1·m + (1 − β1)·d·g        v' = β2·v + (1 − β2)·d²·g²
 *     s' = β3·s + d/d0·γ·g            n' = β3·n + d/d0·γ·⟨g, p0 − p⟩
 *     d̂ = distanceFactor · n' / ‖s'‖₁        d' = max(d, d̂)
 *     p' = p − γ·decay·p − γ·m' / (√v' + d'·ε)
 *
 * As there, the step is made with the old d, and d' is limited by growthRate · d. The slot `distance` holds d, its largest estimate
 * and n: scalars that belong to all parameters. Where no gradient has ever been other than 0, d stays.
 *
 * @example
 * const optimizer = prodigy({ learningRate: () => 1, weightDecay: 0.01 })
 */
export const prodigy = ({
  learningRate,
  beta1 = 0.9,
  beta2 = 0.999,
  beta3 = Math.sqrt(beta2),
  epsilon = 1e-8,
  weightDecay = 0,
  biasCorrection = false,
  safeguardsWarmup = false,
  initialDistance: d0 = 1e-6,
  distanceFactor = 1,
  growthRate = Infinity,
}: ProdigyOptions): Optimizer => ({
  memory: (parameters) => ({
    first_moment: zeros(parameters),
    second_moment: zeros(parameters),
    weighted_gradients: zeros(parameters),
    start: parameters,
    distance: { estimate: number(d0), largest: number(d0), numerator: number(0) },
  }),
  scalars: (step) => {
    const correction = biasCorrection ? Math.sqrt(1 - beta2 ** (step + 1)) / (1 - beta1 ** (step + 1)) : 1
    const rate = learningRate(step)
    return { learning_rate: rate, corrected_rate: rate * correction }
  },
  update: ({ trainees, memory, scalar }) => {
    const { estimate: d, largest, numerator } = memory.distance
    const rate = mul(d, scalar('corrected_rate'))
    const relative = div(d, d0)
    const gradientShare = mul(relative, safeguardsWarmup ? d : rate)
    const moved = trainees.map(({ name, parameter, gradient }) => {
      const scaled = mul(d, gradient)
      return {
        name,
        m: add(mul(beta1, memory.first_moment[name]), mul(1 - beta1, scaled)),
        v: add(mul(beta2, memory.second_moment[name]), mul(1 - beta2, mul(scaled, scaled))),
        s: add(mul(beta3, memory.weighted_gradients[name]), mul(gradientShare, gradient)),
        progress: whole(mul(gradient, sub(memory.start[name], parameter))),
      }
    })
    const progress = sum(moved.map((own) => own.progress))
    const nextNumerator = add(mul(beta3, numerator), mul(mul(relative, rate), progress))
    const denominator = sum(moved.map(({ s }) => whole(abs(s))))
    const found = greater(denominator, 0)
    // Dividing by a 1 where nothing is known keeps the branch not taken finite.
    const estimate = where(found, mul(distanceFactor, div(nextNumerator, where(found, denominator, 1))), d)
    // Until the first real estimate d may jump, whatever the growth rate.
    const before = where(equal(d, d0), max(d, estimate), d)
    const nextLargest = max(largest, estimate)
    const next = growthRate === Infinity ? nextLargest : min(nextLargest, mul(before, growthRate))
    const named = (of: (own: (typeof moved)[number]) => Value): Readonly<Record<string, Value>> =>
      Object.fromEntries(moved.map((own) => [own.name, of(own)]))
    return {
      parameters: trainees.map(({ parameter, decays }, i) => {
        const { m, v } = moved[i]
        const shrunk =
          decays && weightDecay !== 0 ? sub(parameter, mul(mul(weightDecay, rate), parameter)) : parameter
        return sub(shrunk, div(mul(rate, m), add(sqrt(v), mul(next, epsilon))))
      }),
      memory: {
        first_moment: named(({ m }) => m),
        second_moment: named(({ v }) => v),
        weighted_gradients: named(({ s }) => s),
        start: memory.start,
        distance: { estimate: next, largest: nextLargest, numerator: nextNumerator },
      },
    }
  },
})
