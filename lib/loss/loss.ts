import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { mul, reduceMean, reshape, type Shape, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'

/**
 * What a loss may look at, as graph values. `[batch, …sample]` stands for the shape of a batch of latents.
 * The parameterisation is part of the type: a loss that only makes sense for flows cannot be given to an ε-model. So are the names N
 * of what it reads beside the usual, which some stage has to bring: without it the pipeline does not compile.
 */
export interface LossInputs<P extends Parameterisation, N extends string = never> {
  readonly parameterisation: P
  /** The model's output at `latents`: [batch, …sample]. Gradients flow through it, and through what `model` gives. */
  readonly prediction: Value
  /** The same output, without gradient: [batch, …sample]. */
  readonly biased: Value
  /** What the undrifted pair (x0, noise) makes the right output: [batch, …sample]. */
  readonly target: Value
  /** What the model was given, rolled out or on the schedule: [batch, …sample]. */
  readonly latents: Value
  /** x0: [batch, …sample]. */
  readonly data: Value
  /** The model's output at the ideal x_t, before this step: [batch, …sample]. Computed only if a loss reads it, and meaningful only where `rolled` is 1. */
  readonly clean: Value
  /** 1 for samples that were rolled out, else 0: [batch]. */
  readonly rolled: Value
  /** The time the model was told: [batch]. */
  readonly timestep: Value
  /** The share of data at that time, 0 … 1: [batch]. */
  readonly alpha: Value
  /** The share of noise at that time, 0 … 1: [batch]. */
  readonly sigma: Value
  /** What comes with the batch under this name, float32; of the shape of the latents unless told otherwise. */
  readonly given: (name: N, shape?: Shape) => Value
  /** The model at other latents [batch, …sample] and times [batch], with the weights being trained; gradients flow through all three. */
  readonly model: (latents: Value, timestep: Value) => Value
}

/** A loss per element: [batch, …sample]. */
export type Pointwise<P extends Parameterisation, N extends string = never> = (
  inputs: LossInputs<P, N>,
) => Value

/** A named summand, reported by name in the metrics. */
export interface Term<P extends Parameterisation, N extends string = never> {
  readonly name: string
  readonly weight: number
  /** [batch] */
  readonly perSample: (inputs: LossInputs<P, N>) => Value
}

/**
 * A sum of named terms; the objective is the mean over the batch of their weighted sum. A loss for more parameterisations serves where
 * one for fewer is asked, and one that reads less where one that reads more is.
 */
export interface Loss<P extends Parameterisation, N extends string = never> {
  readonly terms: ReadonlyArray<Term<P, N>>
}

/**
 * Gives a value of shape [batch] the rank of `like`, so that it broadcasts over the elements of each sample.
 *
 * @example
 * const halved: Pointwise<Parameterisation> = ({ prediction, rolled }) => mul(prediction, perElement(rolled, prediction))
 */
export const perElement = (value: Value, like: Value): Value =>
  reshape(value, [0, ...like.shape.slice(1).map(() => 1)])

/**
 * The axes of a batch of latents that belong to the sample.
 *
 * @example
 * const axes = sampleAxes(input('latents', 'float32', ['batch', 1, 28, 28])) // 1, 2, 3
 */
export const sampleAxes = (value: Value): ReadonlyArray<number> => value.shape.slice(1).map((_, i) => i + 1)

/**
 * A loss of one term: the mean of an elementwise loss over each sample.
 *
 * @example
 * const loss = mean('mse', squaredError)
 */
export const mean = <P extends Parameterisation, N extends string = never>(
  name: string,
  pointwise: Pointwise<P, N>,
): Loss<P, N> => ({
  terms: [
    {
      name,
      weight: 1,
      perSample: (inputs) => {
        const elements = pointwise(inputs)
        return reduceMean(elements, sampleAxes(elements), false)
      },
    },
  ],
})

/**
 * Multiplies every term of a loss by a constant. Metrics keep reporting the terms unscaled.
 *
 * @example
 * const gentle = scaled(0.1)(antiDrift())
 */
export const scaled =
  (factor: number) =>
  <P extends Parameterisation, N extends string = never>(loss: Loss<P, N>): Loss<P, N> => ({
    terms: loss.terms.map((term) => ({ ...term, weight: term.weight * factor })),
  })

/**
 * Counts a loss for rolled-out samples only; the mean is still taken over the whole batch.
 *
 * @example
 * const loss = rolledOnly(mean('drifted_mse', squaredError))
 */
export const rolledOnly = <P extends Parameterisation, N extends string = never>(
  loss: Loss<P, N>,
): Loss<P, N> => ({
  terms: loss.terms.map((term) => ({
    ...term,
    perSample: (inputs) => mul(term.perSample(inputs), inputs.rolled),
  })),
})

/** Terms under names of their own: `mse`, `mse_2`, `mse_3`. */
const distinct = <P extends Parameterisation, N extends string>(
  terms: ReadonlyArray<Term<P, N>>,
): ReadonlyArray<Term<P, N>> => {
  const taken = new Set<string>()
  const free = (name: string, n = 2): string =>
    taken.has(`${name}_${n}`) ? free(name, n + 1) : `${name}_${n}`
  return terms.map((term) => {
    const name = taken.has(term.name) ? free(term.name.replace(/_\d+$/, '')) : term.name
    taken.add(name)
    return { ...term, name }
  })
}

/**
 * Losses form a monoid under addition; the empty loss is 0.
 *
 * @example
 * const loss = concatAll(monoid<'flow_matching'>())([mse, scaled(10)(antiDrift())])
 */
export const monoid = <P extends Parameterisation, N extends string = never>(): Monoid<Loss<P, N>> => ({
  empty: { terms: [] },
  concat: (a, b) => sum(a, b),
})

/**
 * The sum of losses. Of terms of one name the metrics report each: `mse`, `mse_2`.
 *
 * @example
 * const loss: Loss<'flow_matching'> = sum(mse, scaled(10)(antiDrift()))
 */
export const sum = <P extends Parameterisation, N extends string = never>(
  ...losses: ReadonlyArray<Loss<P, N>>
): Loss<P, N> => ({
  terms: distinct(losses.flatMap((loss) => loss.terms)),
})
