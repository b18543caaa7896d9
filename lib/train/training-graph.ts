import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { grad } from '../autodiff/index.js'
import type { Loss, LossInputs } from '../loss/index.js'
import type { Model } from '../model/index.js'
import {
  encode,
  input,
  leaves,
  mul,
  reduceMean,
  scalar,
  type Shape,
  stopGradient,
  substitute,
  sum,
  type Value,
} from '../onnx/index.js'
import type { ErrorOf, Parameterisation, TensorOf } from '../types/index.js'
import { clipByGlobalNorm } from './clipping.js'
import { averaged } from './ema.js'
import type { Optimizer } from './optimizer.js'
import type { Parameters } from './state.js'

/** The names under which the training graph takes and gives what is not a parameter of the model. */
export const names = {
  scalar: (name: string): string => `scalar/${name}`,
  slot: (slot: string, parameter: string): string => `${slot}/${parameter}`,
  average: (parameter: string): string => `ema/${parameter}`,
  next: (name: string): string => `next/${name}`,
  term: (name: string): string => `term/${name}`,
} as const

export type TrainingGraphOptions<P extends Parameterisation> = {
  readonly model: Model<P>
  readonly loss: Loss<P>
  readonly optimizer: Optimizer
  readonly batchSize: number
  /** The largest global norm of the gradient; larger ones are scaled down to it. Default: no limit. */
  readonly maxGradientNorm?: number
  /** Whether a moving average of the parameters is kept. */
  readonly averages: boolean
  /** Which parameters weight decay applies to. Default: those of rank 2 and above, so neither biases nor norms. */
  readonly decays?: (name: string, dims: ReadonlyArray<number>) => boolean
}

export type TrainingGraph = {
  /** An ordinary ONNX file: (parameters, optimizer state, batch) → (next parameters, next state, metrics). */
  readonly bytes: Uint8Array
  /** The weights that train, with their initial values. */
  readonly parameters: Parameters
  /** Whether the loss reads predictions at the ideal latents. */
  readonly readsClean: boolean
}

/** Weights that can train: a parameter of another type is carried along as it is. */
const trainableOf = (
  value: Value,
): ReadonlyArray<{ value: Value; name: string; initial: TensorOf<'float32'> }> =>
  value.node.kind === 'parameter' && value.node.initial.type === 'float32'
    ? [{ value, name: value.node.name, initial: value.node.initial }]
    : []

/** The model's prediction with its symbolic batch bound to a number: gradients need static shapes. */
const bound = (prediction: Value, batchSize: number): Value => {
  const [value = prediction] = substitute([prediction], (leaf) =>
    leaf.node.kind === 'input'
      ? input(
          leaf.node.name,
          leaf.type,
          leaf.shape.map((dim) => (dim === 'batch' ? batchSize : dim)),
        )
      : undefined,
  )
  return value
}

/**
 * One optimizer step as one graph: forward, loss, backward, clipping, optimizer and moving average.
 *
 * @returns Left `GradientError` when an operator on the way to a parameter has no gradient
 * @example
 * declare const model: Model<'flow_matching'>
 * const graph = trainingGraph({ model, loss: mse, optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64, averages: true })
 */
export const trainingGraph = <P extends Parameterisation>({
  model,
  loss,
  optimizer,
  batchSize,
  maxGradientNorm,
  averages,
  decays = (_, dims) => dims.length >= 2,
}: TrainingGraphOptions<P>): E.Either<ErrorOf<'GradientError'>, TrainingGraph> => {
  const prediction = bound(model.prediction, batchSize)
  const batchOf = (name: string): Value => input(name, 'float32', prediction.shape)
  const modelInputs = leaves([prediction])
  const named = (name: string, shape: Shape): Value =>
    modelInputs.find(({ node }) => node.kind === 'input' && node.name === name) ??
    input(name, 'float32', shape)
  const latents = named('latents', prediction.shape)
  const timestep = named('timestep', [batchSize])
  const inputs: LossInputs<P> = {
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
  const objective = sum(terms.map(({ weight, value }) => (weight === 1 ? value : mul(weight, value))))
  const trainable = modelInputs.flatMap(trainableOf)
  const scalars = new Map<string, Value>()
  const scalarInput = (name: string): Value => {
    const value = scalars.get(name) ?? input(names.scalar(name), 'float32', [])
    scalars.set(name, value)
    return value
  }
  return pipe(
    grad(
      objective,
      trainable.map(({ value }) => value),
    ),
    E.map((gradients) => {
      const { clipped, norm } = clipByGlobalNorm(gradients, maxGradientNorm)
      const next = trainable.flatMap(
        ({ value, name, initial }, i): ReadonlyArray<readonly [string, Value]> => {
          const updated = optimizer.update({
            parameter: value,
            gradient: clipped[i] ?? scalar(0),
            slot: (slot) => input(names.slot(slot, name), 'float32', value.shape),
            scalar: scalarInput,
            decays: decays(name, initial.dims),
          })
          const average = input(names.average(name), 'float32', value.shape)
          return [
            [name, updated.parameter],
            ...Object.entries(updated.slots).map(([slot, v]): [string, Value] => [names.slot(slot, name), v]),
            ...(averages
              ? ([
                  [names.average(name), averaged(average, updated.parameter, scalarInput('ema_decay'))],
                ] as const)
              : []),
          ]
        },
      )
      const outputs = {
        loss: objective,
        gradient_norm: norm,
        ...Object.fromEntries(terms.map(({ name, value }) => [names.term(name), value])),
        ...Object.fromEntries(next.map(([name, value]) => [names.next(name), value])),
      }
      return {
        bytes: encode({ outputs, parameters: 'inputs', name: 'training_step' }),
        parameters: Object.fromEntries(trainable.map(({ name, initial }) => [name, initial])),
        readsClean: leaves([objective]).some(({ node }) => node === inputs.clean.node),
      }
    }),
  )
}
