import { add, div, max, mul, reduceSum, sqrt, stopGradient, sub, type Value } from '../onnx/index.js'
import { executedInGraph, type UnrolledShape } from '../solver/index.js'
import { type Parameterisation, size } from '../types/index.js'
import { type Loss, type LossInputs, perElement, sampleAxes, scaled, sum } from './loss.js'

/**
 * The names under which a batch brings rollouts that are not over: the registers [batch, registers, …sample], times, coefficients and
 * noise of the programs' last evaluations, the ideal latents, and by how much of the drift the target moves [batch].
 */
export const tailInputs = {
  state: 'tail_state',
  timesteps: 'tail_timesteps',
  mixes: 'tail_mixes',
  noise: 'tail_noise',
  ideal: 'tail_ideal',
  correction: 'tail_correction',
} as const

/** What the stage `backpropagated` brings and `throughRollout` reads. */
export type TailInput = (typeof tailInputs)[keyof typeof tailInputs]

/** Keeps the relative drift of vanishing latents finite. */
const floor = 1e-12

type Inputs = LossInputs<Parameterisation, TailInput>

/** x̂: the last evaluations of every sample's rollout, made in the graph. Gradients flow through them. */
const arrivalOf = ({ latents, model, given, rolled }: Inputs, shape: UnrolledShape): Value => {
  const [batch] = rolled.shape
  const sample = latents.shape.slice(1).map(Number)
  const elements = size(sample)
  const { evaluations, registers } = shape
  const programs = {
    state: given(tailInputs.state, [batch, registers, elements]),
    timesteps: given(tailInputs.timesteps, [batch, evaluations]),
    mixes: given(tailInputs.mixes, [batch, evaluations, registers, registers + 2]),
    noise: given(tailInputs.noise, [batch, evaluations, ...sample]),
  }
  return executedInGraph(model, programs, shape, sample)
}

/**
 * A loss at the end of rollouts whose last evaluations are part of the training graph, so that gradients flow through the solver's
 * steps into the weights that made them. The loss sees x̂ as its latents and the prediction there; where targets are `corrected` they
 * move with x̂, without gradient. The mean relative drift is logged as the term `drift` of weight 0.
 *
 * Every sample of the batch pays for all evaluations, forward and backward: those with fewer pass through what changes nothing.
 *
 * Needs the stage `backpropagated`, which makes both, so that they fit each other.
 *
 * @example
 * const loss: Loss<'flow_matching', TailInput> = throughRollout({ evaluations: 1, registers: 2 })(mse)
 */
export const throughRollout =
  (shape: UnrolledShape) =>
  <P extends Parameterisation, N extends string = never>(loss: Loss<P, N>): Loss<P, N | TailInput> => {
    type Whole = LossInputs<P, N | TailInput>
    // Terms share what they look at: a second copy would be differentiated a second time.
    const arrivals = new WeakMap<Whole, Whole>()
    const arrived = (inputs: Whole): Whole => {
      const before = arrivals.get(inputs)
      if (before !== undefined) return before
      const { model, target, timestep, given } = inputs
      const latents = arrivalOf(inputs, shape)
      const prediction = model(latents, timestep)
      const drift = stopGradient(sub(latents, given(tailInputs.ideal)))
      const correction = perElement(given(tailInputs.correction, timestep.shape), latents)
      const made: Whole = {
        ...inputs,
        latents,
        prediction,
        biased: stopGradient(prediction),
        target: add(target, mul(correction, drift)),
      }
      arrivals.set(inputs, made)
      return made
    }
    const norm = (value: Value): Value =>
      sqrt(max(reduceSum(mul(value, value), sampleAxes(value), false), floor))
    const drift: Loss<P, N | TailInput> = {
      terms: [
        {
          name: 'drift',
          weight: 1,
          perSample: (inputs) => {
            const ideal = inputs.given(tailInputs.ideal)
            const moved = stopGradient(sub(arrived(inputs).latents, ideal))
            return mul(div(norm(moved), norm(ideal)), inputs.rolled)
          },
        },
      ],
    }
    const through: Loss<P, N | TailInput> = {
      terms: loss.terms.map((term) => ({
        ...term,
        perSample: (inputs) => term.perSample(arrived(inputs)),
      })),
    }
    // First, so that no term of the loss has its name.
    return sum(scaled(0)(drift), through)
  }
