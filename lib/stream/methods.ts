import { pipe } from 'fp-ts/lib/function.js'
import {
  antiDrift,
  biasCompensated,
  type DefarOptions,
  frequencyCompensated,
  type JumpInput,
  jumpTerms,
  mapElements,
  type PerSample,
  type PointInput,
  scaled,
  type TailInput,
  weightedElements,
} from '../loss/index.js'
import { mul } from '../onnx/index.js'
import type { PathFor } from '../path/index.js'
import type { PlanOptions } from '../rollout/index.js'
import type { Solver } from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'
import { backpropagated, type UnguidedOptions } from './backpropagated.js'
import { dream } from './dream.js'
import { jumped } from './jumped.js'
import { type Method, method } from './method.js'
import type { Noised, Whereabouts } from './noised.js'
import { perturbed } from './perturbed.js'
import type { Pipeline } from './pipeline.js'
import { renoisedPoints, type RenoisedPointsOptions } from './renoised-points.js'
import { rollout, type RolloutOptions } from './rollout.js'
import { slowed } from './slowed.js'

/**
 * Teacher forcing: the ideal latents, their targets, the plain error.
 *
 * @example
 * const nothing = teacherForcing<false>()
 */
export const teacherForcing = <A extends Whereabouts = false>(): Method<Parameterisation, never, A> =>
  method({ transform: (upstream) => upstream })

/**
 * A weight per sample, and nothing else.
 *
 * @example
 * const balanced = weighting(minSnr(5))
 */
export const weighting = <
  P extends Parameterisation,
  N extends string = never,
  A extends Whereabouts = boolean,
>(
  weight: PerSample<P, N>,
): Method<P, N, A> => method<P, N, A>({ transform: (upstream) => upstream, weight: weightedElements(weight) })

/**
 * Input perturbation, DDPM-IP (Ning et al. 2023, arXiv 2301.11706); see `perturbed`.
 *
 * @example
 * const perturbation = inputPerturbation(0.1)
 */
export const inputPerturbation = (gamma: number): Method<Parameterisation, never, boolean, true> =>
  method({ transform: perturbed(gamma) })

/**
 * DREAM (Zhou et al. 2024, arXiv 2312.00210); see `dream`.
 *
 * @example
 * const dreaming = dreamMethod({ detail: 1 })
 */
export const dreamMethod = (
  options: { readonly detail?: number } = {},
): Method<'epsilon', never, false, true> => method({ transform: dream(options), cost: { forward: 1 } })

/**
 * Multi-step denoising scheduled sampling (Ren et al., AAAI 2024): rolled out from a noisier time, the target as it was. With one
 * step at most it is their SDSS. SimpleTuner's scheduled sampling is the same.
 *
 * @example
 * const multiStep = mdss(unipc({ order: 2 }), { maxStepOffset: 10, probability: () => 0.5 })
 */
export const mdss = (solver: Solver, options: RolloutOptions): Method<Parameterisation, never, false, true> =>
  method({ transform: rollout(solver, options) })

/**
 * Multi-step denoising scheduled sampling with gradient through the last steps; see `backpropagated`.
 *
 * @example
 * const plan = { maxStepOffset: 4, stride: 25, probability: () => 0.5, backprop: 1 }
 * const through = mdssThrough('epsilon', ddpm({ betaSchedule: 'linear' }), euler(), plan)
 */
export const mdssThrough = <P extends Parameterisation>(
  parameterisation: P,
  path: PathFor<P>,
  solver: Solver,
  options: UnguidedOptions & { readonly backprop: number },
): Method<P, TailInput, false, 'underway'> => {
  const {
    rollout: transform,
    loss: gradient,
    shape,
  } = backpropagated(parameterisation, path, solver, options)
  return method({ transform, gradient, cost: { trained: shape.evaluations } })
}

/**
 * MixFlow (arXiv 2512.19311); see `slowed`. Its timesteps are `betaTimesteps({ alpha: 1, beta: 2 })`.
 *
 * @example
 * const mixed = mixFlow(0.8)
 */
export const mixFlow = (gamma: number): Method<'flow_matching', never, false, true> =>
  method({ transform: slowed(gamma) })

export type ReflexFlowMethodOptions = {
  /** Strength of the frequency compensation. Default 1. */
  readonly alpha?: number
  /** Weight of the anti-drift term. Default 10. */
  readonly beta1?: number
  /** Weight of the compensated error. Default 1. */
  readonly beta2?: number
  /** Which samples the anti-drift term counts. Default `rolled`. */
  readonly on?: 'rolled' | 'all'
}

const times = (factor: number) =>
  mapElements<Parameterisation>((error) => (factor === 1 ? error : mul(factor, error)))

/**
 * ReflexFlow as SimpleTuner has it (arXiv 2512.04904): a rollout, and `reflexflow` where it arrives.
 *
 * @example
 * const reflex = reflexFlow(euler(), { maxStepOffset: 10, probability: () => 0.5 }, { beta1: 1 })
 */
export const reflexFlow = (
  solver: Solver,
  plan: RolloutOptions,
  { alpha = 1, beta1 = 10, beta2 = 1, on = 'rolled' }: ReflexFlowMethodOptions = {},
): Method<'flow_matching', never, false, true> =>
  method({
    transform: rollout(solver, plan),
    weight: (error) => times(beta2)(frequencyCompensated(alpha)(error)),
    terms: beta1 === 0 ? { terms: [] } : scaled(beta1)(antiDrift({ on })),
    // The prediction at the ideal latents; that at the drifted ones is the training pass's own.
    cost: { forwardRolled: alpha === 0 ? 0 : 1 },
  })

/**
 * DEFAR (arXiv 2606.28226) as far as it is known; see `defar`.
 *
 * @example
 * const jumping = defarMethod({ jump: 'stopped' })
 */
export const defarMethod = <D extends boolean = false>(
  options: DefarOptions = {},
): Method<'flow_matching', JumpInput, D> => {
  const { alpha = 1, beta1 = 10, beta2 = 1 } = options
  const landing = beta1 === 0 && alpha === 0 ? 0 : 1
  return method<'flow_matching', JumpInput, D>({
    transform: jumped(),
    weight: (error) => times(beta2)(biasCompensated(options)(error)),
    terms: jumpTerms(options),
    cost: {
      forward: (alpha === 0 ? 0 : 1) + (beta1 === 0 ? landing : 0),
      trained: beta1 === 0 ? 0 : landing,
    },
  })
}

/**
 * SOAR (HY-SOAR, arXiv 2604.12617): a rollout, with guidance where told so, re-noised towards its own noise, with the target that leads
 * from there to the data, at several points beside each sample; see `renoisedPoints`.
 *
 * @param plan the paper's is one step on a sampler's grid of 40, for every sample, with guidance 4.5
 * @example
 * const plan = { maxStepOffset: 1, strategy: 'longest', grid: trailing(flow(), 40), probability: () => 1 } as const
 * const soaring = soar(euler(), { ...plan, guidance: 4.5, points: 6 })
 */
export const soar = (
  solver: Solver,
  plan: PlanOptions & RenoisedPointsOptions & Pick<RolloutOptions, 'guidance'>,
): Method<Parameterisation, PointInput> => {
  const { renoised, loss: gradient } = renoisedPoints(plan)
  return method({
    transform: <Q extends Parameterisation, G extends string>(upstream: Pipeline<Q, Noised<G>>) =>
      pipe(upstream, rollout(solver, { ...plan, target: 'original' }), renoised),
    gradient,
    cost: { trained: plan.points ?? 6 },
  })
}

/** Every method by name. */
export const methods = {
  teacher_forcing: teacherForcing,
  input_perturbation: inputPerturbation,
  dream: dreamMethod,
  mdss,
  mixflow: mixFlow,
  reflexflow: reflexFlow,
  defar: defarMethod,
  soar,
} as const

export type MethodName = keyof typeof methods

/** All names, in the order of the table. */
// Object.keys knows only strings; the keys of the table are exactly its names.
export const methodNames = Object.keys(methods) as ReadonlyArray<MethodName>
