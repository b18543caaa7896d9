import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { grad } from '../autodiff/index.js'
import type { Model } from '../model/index.js'
import { add, div, draft, input, leaves, type Draft, type Value } from '../onnx/index.js'
import { type ErrorOf, float32, type Parameterisation, size, type TensorOf } from '../types/index.js'
import { frozen } from './frozen.js'
import { lossScaling } from './loss-scaling.js'
import { names } from './names.js'
import { objective } from './objective.js'
import type { Memory } from './optimizer.js'
import { mapNamed, withNames } from './named.js'
import type { Parameters } from './state.js'
import { stepCount } from './step-count.js'
import { initialOf, successors, type UpdatePlan, type Weight } from './successors.js'
import type { TrainingGraphOptions } from './training-options.js'

/** An optimizer step as ordinary ONNX files. */
export type StepFiles =
  /** (parameters, averages, memory, scalars, batch) → (their successors, loss, terms, gradient norm). */
  | { readonly kind: 'whole'; readonly step: Draft }
  | {
      readonly kind: 'parts'
      readonly parts: number
      /** (parameters, sums, part of the batch) → sums, which are of the gradients, the loss and the terms, each over `parts`. */
      readonly part: Draft
      /** The sums to begin with, under the names that both files read them by. */
      readonly zeros: Parameters
      /** (parameters, averages, memory, scalars, sums) → (their successors, gradient norm). */
      readonly update: Draft
    }

export type TrainingGraph = {
  readonly files: StepFiles
  /** The weights that train, with their initial values. */
  readonly parameters: Parameters
  /** What the optimizer starts with. */
  readonly memory: Memory<TensorOf<'float32'>>
  /** Whether the loss reads predictions at the ideal latents. */
  readonly readsClean: boolean
}

const trainedValue = ({ prediction, training = prediction }: Model<Parameterisation>): Value => training

/**
 * The weights of a model that train: those of float32 that what is trained reads.
 *
 * @example
 * declare const model: Model<'flow_matching'>
 * const count = weightsOf(model).length
 */
export const weightsOf = (model: Model<Parameterisation>): ReadonlyArray<Weight> =>
  leaves([trainedValue(model)]).flatMap((value) =>
    value.node.kind === 'parameter' && value.node.initial.type === 'float32'
      ? [{ value, name: value.node.name, initial: value.node.initial }]
      : [],
  )

/** Everything that one graph does, or one graph a part and one for the rest. */
const filesOf = (
  found: Readonly<Record<string, Value>>,
  gradients: ReadonlyArray<Value>,
  plan: UpdatePlan,
): StepFiles => {
  const { weights, accumulate: parts = 1 } = plan
  if (parts === 1) {
    const outputs = { ...found, ...successors(gradients, plan) }
    return { kind: 'whole', step: draft({ outputs, parameters: 'inputs', name: 'training_step' }) }
  }
  const summands = {
    ...found,
    ...Object.fromEntries(weights.map(({ name }, i) => [names.gradient(name), gradients[i]])),
  }
  const sums = mapNamed(summands, (value, name) => input(name, 'float32', value.shape))
  const added = mapNamed(summands, (value, name) => add(sums[name], div(value, parts)))
  const whole = weights.map(({ name }) => sums[names.gradient(name)])
  return {
    kind: 'parts',
    parts,
    part: draft({ outputs: withNames(added, names.next), parameters: 'inputs', name: 'training_part' }),
    zeros: mapNamed(sums, ({ shape }) => {
      const dims = shape.map(Number)
      return float32(dims, new Float32Array(size(dims)))
    }),
    update: draft({
      outputs: successors(whole, plan),
      parameters: 'inputs',
      name: 'training_update',
    }),
  }
}

/** A step as graph values: what comes of it, from the leaves that it reads. */
type Differentiated = Omit<TrainingGraph, 'files'> & {
  /** Without what does not train: that is made of constants, the same in the prediction and in the step. */
  readonly model: Model<Parameterisation>
  readonly found: Readonly<Record<string, Value>>
  readonly gradients: ReadonlyArray<Value>
  readonly plan: UpdatePlan
}

const differentiated = <P extends Parameterisation>({
  model: whole,
  loss,
  lossScaling: scales = false,
  ...options
}: TrainingGraphOptions<P>): E.Either<ErrorOf<'GradientError'>, Differentiated> => {
  const { batchSize, accumulate = 1, optimizer, trains = () => true } = options
  if (!Number.isInteger(accumulate) || accumulate < 1 || batchSize % accumulate !== 0)
    throw new RangeError(`a batch of ${batchSize} does not fall into ${accumulate} equal parts`)
  const model = frozen(whole, trains)
  const weights = weightsOf(model)
  if (weights.length === 0)
    return E.left({
      _tag: 'GradientError',
      operator: 'none',
      message: 'nothing trains: the model has no float32 weight, or all of them are frozen',
    })
  const { value: all, terms: each, readsClean } = objective(model, loss, batchSize / accumulate)
  const count = stepCount([all, ...Object.values(each)], accumulate)
  const [value = all, ...terms] = count.values
  const found = {
    loss: value,
    ...Object.fromEntries(Object.keys(each).map((name, i) => [names.term(name), terms[i]])),
    ...count.summands,
  }
  const scaling = scales === false ? undefined : lossScaling(names.slot, scales === true ? {} : scales)
  return pipe(
    grad(
      scaling === undefined ? value : scaling.scaled(value),
      weights.map((weight) => weight.value),
      options,
    ),
    E.map((gradients) => {
      const parameters = initialOf(weights)
      const memory = optimizer.memory(parameters)
      return {
        model,
        found,
        gradients,
        plan: { ...options, weights, memory, scaling, counted: count.next },
        parameters,
        memory: { ...memory, ...scaling?.memory, ...count.memory },
        readsClean,
      }
    }),
  )
}

/** An optimizer step as graph values, by the names that `trainingGraph` gives its outputs; and the model that its rollouts ask. */
export type StepValues = Omit<TrainingGraph, 'files'> &
  Pick<Differentiated, 'model'> & {
    readonly outputs: Readonly<Record<string, Value>>
  }

/**
 * One optimizer step as graph values, to be put into a larger graph.
 *
 * @returns Left `GradientError` as `trainingGraph`
 * @example
 * declare const model: Model<'flow_matching'>
 * const step = stepValues({ model, loss: mse, optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64, averages: true })
 */
export const stepValues = <P extends Parameterisation>(
  options: Omit<TrainingGraphOptions<P>, 'accumulate'>,
): E.Either<ErrorOf<'GradientError'>, StepValues> =>
  pipe(
    differentiated(options),
    E.map(({ found, gradients, plan, ...rest }) => ({
      ...rest,
      outputs: { ...found, ...successors(gradients, plan) },
    })),
  )

/**
 * One optimizer step as a graph: forward, loss, backward, clipping, optimizer and moving average. Where gradients are accumulated
 * it is two: one for each part of the batch, and one for what follows.
 *
 * @returns Left `GradientError` when an operator on the way to a parameter has no gradient, or nothing trains
 * @throws RangeError where the batch does not fall into so many equal parts, or an option is out of its range
 * @example
 * declare const model: Model<'flow_matching'>
 * const graph = trainingGraph({ model, loss: mse, optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64, averages: true })
 */
export const trainingGraph = <P extends Parameterisation>(
  options: TrainingGraphOptions<P>,
): E.Either<ErrorOf<'GradientError'>, TrainingGraph> =>
  pipe(
    differentiated(options),
    E.map(({ found, gradients, plan, parameters, memory, readsClean }) => ({
      files: filesOf(found, gradients, plan),
      parameters,
      memory,
      readsClean,
    })),
  )
