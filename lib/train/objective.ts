import type { Loss, LossInputs } from '../loss/index.js'
import { atBatch, type Model } from '../model/index.js'
import {
  input,
  leaves,
  mul,
  reduceMean,
  type Shape,
  stopGradient,
  substitute,
  sum,
  type Value,
} from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'

/** What is minimised, as graph values: scalars that are means over a batch. */
export type Objective = {
  /** The sum of the weighted terms. */
  readonly value: Value
  /** Every term, unweighted, by name. */
  readonly terms: Readonly<Record<string, Value>>
  /** Whether the loss reads predictions at the ideal latents. */
  readonly readsClean: boolean
}

/**
 * The loss of a model on a batch of this size. Its parameters are the model's; its inputs are the model's and those that the loss
 * reads, under the names of `Lesson`.
 *
 * @example
 * const model = mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })
 * const { value } = objective(model, mse, 64)
 */
export const objective = <P extends Parameterisation>(
  model: Model<P>,
  loss: Loss<P, string>,
  batchSize: number,
): Objective => {
  const prediction = atBatch(model.training ?? model.prediction, batchSize)
  const batchOf = (name: string): Value => input(name, 'float32', prediction.shape)
  const modelInputs = leaves([prediction])
  const named = (name: string, shape: Shape): Value =>
    modelInputs.find(({ node }) => node.kind === 'input' && node.name === name) ??
    input(name, 'float32', shape)
  const latents = named('latents', prediction.shape)
  const timestep = named('timestep', [batchSize])
  const inputs: LossInputs<P, string> = {
    parameterisation: model.parameterisation,
    prediction,
    biased: stopGradient(prediction),
    latents,
    target: batchOf('target'),
    data: batchOf('x0'),
    clean: batchOf('clean'),
    rolled: input('rolled', 'float32', [batchSize]),
    timestep,
    alpha: input('alpha', 'float32', [batchSize]),
    sigma: input('sigma', 'float32', [batchSize]),
    given: (name, shape = prediction.shape) => named(name, shape),
    model: (elsewhere, then) => {
      const [value = prediction] = substitute([prediction], ({ node }) =>
        node === latents.node ? elsewhere : node === timestep.node ? then : undefined,
      )
      return value
    },
  }
  const terms = loss.terms.map((term) => ({ ...term, value: reduceMean(term.perSample(inputs), [0], false) }))
  const value = sum(terms.map(({ weight, value: term }) => (weight === 1 ? term : mul(weight, term))))
  return {
    value,
    terms: Object.fromEntries(terms.map((term) => [term.name, term.value])),
    readsClean: leaves([value]).some(({ node }) => node === inputs.clean.node),
  }
}
