import {
  abs,
  add,
  div,
  max,
  mul,
  reduceMax,
  reduceMean,
  reduceSum,
  stopGradient,
  sub,
  type Value,
} from '../onnx/index.js'
import { antiDrift } from './anti-drift.js'
import {
  type Loss,
  type LossInputs,
  mean,
  perElement,
  type Pointwise,
  sampleAxes,
  scaled,
  sum,
  type Term,
} from './loss.js'
import { squaredError } from './squared-error.js'

/** The names under which a batch brings what the jump needs: timestep and sigma it goes to, [batch], and the noise, [batch, …sample]. */
export const jumpInputs = { timestep: 'jump_timestep', sigma: 'jump_sigma', noise: 'jump_noise' } as const

/** What the stage `jumped` brings and `defar` reads. */
export type JumpInput = (typeof jumpInputs)[keyof typeof jumpInputs]

type Inputs = LossInputs<'flow_matching', JumpInput>

/** What a bias is divided by, over each sample: the sum, the mean or the largest of its absolute values. */
export const biasNormalisers = {
  sum: (bias: Value): Value => reduceSum(abs(bias), sampleAxes(bias)),
  mean: (bias: Value): Value => reduceMean(abs(bias), sampleAxes(bias)),
  max: (bias: Value): Value => reduceMax(abs(bias), sampleAxes(bias)),
} as const satisfies Record<string, (bias: Value) => Value>

export type BiasNormaliser = keyof typeof biasNormalisers

export type DefarOptions = {
  /** Strength of the frequency compensation; 0 removes it and one evaluation. Default 1. */
  readonly alpha?: number
  /** Weight of the anti-drift term; 0 removes it. Default 10. */
  readonly beta1?: number
  /** Weight of the frequency-compensated term. Default 1. */
  readonly beta2?: number
  /** Whether gradient flows through the jump into the first evaluation, or is `stopped`. Default `flows`. */
  readonly jump?: 'flows' | 'stopped'
  /** What the bias is divided by. Unknown in the paper; see docs/losses.md. Default `mean`. */
  readonly normaliser?: BiasNormaliser
  /** Whether the bias keeps its sign in the weight. Default `absolute`. */
  readonly sign?: 'signed' | 'absolute'
}

/** Keeps the normaliser away from 0 where both predictions agree. */
const floor = 1e-6

/** x̂ at the time of the jump: the sample moved there in one Euler step by the model's own velocity. */
const landing = ({ latents, prediction, biased, sigma, given }: Inputs, jump: 'flows' | 'stopped') => {
  const sigma1 = given(jumpInputs.sigma, sigma.shape)
  const velocity = jump === 'flows' ? prediction : biased
  return {
    timestep: given(jumpInputs.timestep, sigma.shape),
    sigma: sigma1,
    latents: add(latents, mul(perElement(sub(sigma1, sigma), latents), velocity)),
  }
}

/** δ̄: the bias of the prediction at the landing point, normalised, without gradient: [batch, …sample]. */
const bias = (
  inputs: Inputs,
  { jump = 'flows', normaliser = 'mean', sign = 'absolute' }: DefarOptions,
): Value => {
  const { timestep, sigma, latents } = landing(inputs, jump)
  const share = perElement(sigma, latents)
  const ideal = add(mul(sub(1, share), inputs.data), mul(share, inputs.given(jumpInputs.noise)))
  const there = inputs.model(ideal, timestep)
  const delta = stopGradient(sub(there, inputs.model(latents, timestep)))
  const size = max(biasNormalisers[normaliser](delta), floor)
  return div(sign === 'signed' ? delta : abs(delta), size)
}

/**
 * DEFAR's frequency compensation of any elementwise loss at the clean point: (1 + alpha·δ̄)² times it; see `defar`.
 *
 * @example
 * const loss: Loss<'flow_matching', JumpInput> = mean('mse', biasCompensated({ alpha: 1 })(squaredError))
 */
export const biasCompensated =
  (options: DefarOptions = {}) =>
  <P extends 'flow_matching', N extends string = never>(
    pointwise: Pointwise<P, N>,
  ): Pointwise<P, N | JumpInput> => {
    const { alpha = 1 } = options
    if (alpha === 0) return pointwise
    return (inputs) => {
      const weight = add(1, mul(alpha, bias(inputs, options)))
      return mul(mul(weight, weight), pointwise(inputs))
    }
  }

/**
 * DEFAR's anti-drift term at the landing point of weight beta1, and the size of its compensation, `fc_size`, of weight 0; see `defar`.
 *
 * @example
 * const loss: Loss<'flow_matching', JumpInput> = sum(mse, jumpTerms({ beta1: 1 }))
 */
export const jumpTerms = (options: DefarOptions = {}): Loss<'flow_matching', JumpInput> => {
  const { alpha = 1, beta1 = 10, jump = 'flows' } = options
  const [direction] = antiDrift({ on: 'all' }).terms
  const antiDriftAtLanding: Term<'flow_matching', JumpInput> = {
    name: 'anti_drift',
    weight: beta1,
    perSample: (inputs) => {
      const { timestep, latents } = landing(inputs, jump)
      return direction.perSample({ ...inputs, latents, prediction: inputs.model(latents, timestep) })
    },
  }
  const size = mean<'flow_matching', JumpInput>('fc_size', (inputs) => abs(mul(alpha, bias(inputs, options))))
  // A weight of 0 removes a term and its cost.
  return sum(
    { terms: beta1 === 0 ? [] : [antiDriftAtLanding] },
    alpha === 0 ? { terms: [] } : scaled(0)(size),
  )
}

/**
 * DEFAR (arXiv 2606.28226) as far as it is known: from the training point at sigma0 one jump of arbitrary length to sigma1,
 *
 *     x̂ = x0t + (sigma1 − sigma0)·v_θ(x0t, sigma0),    v̂ = v_θ(x̂, sigma1),
 *     L = beta1·‖v̂/‖v̂‖ − (x̂ − x0)/‖x̂ − x0‖‖² + beta2·mean((1 + alpha·δ̄)² ⊙ (v_θ(x0t, sigma0) − v)²),
 *
 * in noise-ward time and v = epsilon − x0. δ̄ is the bias v_θ(x_t1, sigma1) − v̂, without gradient, over its `normaliser`: which one
 * the paper has was not available, so it is a parameter, and the mean of |alpha·δ̄| is logged as the term `fc_size` of weight 0.
 *
 * Needs the stage `jumped`: without it a pipeline does not compile. Costs two evaluations more than the plain loss, one of them with gradient.
 *
 * @example
 * const loss: Loss<'flow_matching', JumpInput> = defar({ beta1: 1, normaliser: 'max' })
 */
export const defar = (options: DefarOptions = {}): Loss<'flow_matching', JumpInput> =>
  sum(
    scaled(options.beta2 ?? 1)(
      mean<'flow_matching', JumpInput>('mse', biasCompensated(options)(squaredError)),
    ),
    jumpTerms(options),
  )
