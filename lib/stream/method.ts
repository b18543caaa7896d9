import { type Loss, mean, type Pointwise, squaredError, sum } from '../loss/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Noised, Whereabouts } from './noised.js'
import type { Pipeline } from './pipeline.js'

/** A stage between two whereabouts of the latents that brings N for losses to read. */
export type Transform<
  P extends Parameterisation,
  N extends string,
  A extends Whereabouts,
  B extends Whereabouts,
> = <Q extends P, G extends string>(upstream: Pipeline<Q, Noised<G, A>>) => Pipeline<Q, Noised<G | N, B>>

/** Sample evaluations beyond the one that every step makes, and beyond those of a rollout (`plannedEvaluations`). */
export type Cost = {
  /** Without gradient, for every sample. */
  readonly forward: number
  /** Without gradient, for samples that are rolled out. */
  readonly forwardRolled: number
  /** With gradient, for every sample. */
  readonly trained: number
}

/**
 * A training method as a value: what the model is shown and what it is asked for there, how its error is weighted, what is learnt
 * beside, and where gradient flows. A and B are where it finds the latents and where it leaves them, N what its loss reads beside the
 * usual; all of which has to fit, or a composition does not compile.
 */
export interface Method<
  P extends Parameterisation,
  N extends string = never,
  A extends Whereabouts = false,
  B extends Whereabouts = A,
> {
  /** The input transform, then the target transform. */
  readonly transform: Transform<P, N, A, B>
  /** The weight of the elementwise error. */
  readonly weight: <Q extends P, M extends string = never>(error: Pointwise<Q, M>) => Pointwise<Q, M | N>
  /** Terms beside the weighted error. */
  readonly terms: Loss<P, N>
  /** The gradient mask: which evaluations behind the latents the loss is differentiated through. */
  readonly gradient: <Q extends P, M extends string = never>(loss: Loss<Q, M>) => Loss<Q, M | N>
  readonly cost: Cost
}

const free: Cost = { forward: 0, forwardRolled: 0, trained: 0 }

/**
 * A method from what it changes; whatever is left out stays as in teacher forcing.
 *
 * @example
 * const perturbation = method<Parameterisation, never, boolean, true>({ transform: perturbed(0.1) })
 */
export const method = <
  P extends Parameterisation,
  N extends string = never,
  A extends Whereabouts = false,
  B extends Whereabouts = A,
>({
  transform,
  weight = (error) => error,
  terms = { terms: [] },
  gradient = (loss) => loss,
  cost = {},
}: Pick<Method<P, N, A, B>, 'transform'> &
  Partial<Pick<Method<P, N, A, B>, 'weight' | 'terms' | 'gradient'>> & {
    readonly cost?: Partial<Cost>
  }): Method<P, N, A, B> => ({ transform, weight, terms, gradient, cost: { ...free, ...cost } })

/**
 * Two methods as one: the second is shown what the first made, weighs what the first weighed, and pays for both. Teacher forcing is
 * neutral, and composition is associative.
 *
 * @example
 * const both = composed(inputPerturbation(0.1), weighting(minSnr(5)))
 */
export const composed = <
  P extends Parameterisation,
  N extends string,
  M extends string,
  A extends Whereabouts,
  B extends Whereabouts,
  C extends Whereabouts,
>(
  first: Method<P, N, A, B>,
  second: Method<P, M, B, C>,
): Method<P, N | M, A, C> => ({
  transform: (upstream) => second.transform(first.transform(upstream)),
  weight: (error) => second.weight(first.weight(error)),
  terms: sum<P, N | M>(first.terms, second.terms),
  gradient: (loss) => second.gradient(first.gradient(loss)),
  cost: {
    forward: first.cost.forward + second.cost.forward,
    forwardRolled: first.cost.forwardRolled + second.cost.forwardRolled,
    trained: first.cost.trained + second.cost.trained,
  },
})

/**
 * What a method minimises, given the elementwise error that it starts from.
 *
 * @param error squared unless told otherwise; its term is called `mse` unless named
 * @example
 * const loss = lossOf(reflexFlow(euler(), { maxStepOffset: 10, probability: () => 0.5 }))
 */
export const lossOf = <
  P extends Parameterisation,
  N extends string,
  A extends Whereabouts,
  B extends Whereabouts,
>(
  { weight, terms, gradient }: Method<P, N, A, B>,
  error: Pointwise<P> = squaredError,
  name = 'mse',
): Loss<P, N> => gradient(sum<P, N>(mean<P, N>(name, weight(error)), terms))
