import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { grad } from '../autodiff/index.js'
import type { Loss } from '../loss/index.js'
import type { Model } from '../model/index.js'
import { add, div, encode, input, leaves, type Value } from '../onnx/index.js'
import { type ErrorOf, float32, type Parameterisation, size, type TensorOf } from '../types/index.js'
import { clipped, type ClippingOptions, globalNorm } from './clipping.js'
import { averaged } from './ema.js'
import { frozen } from './frozen.js'
import { type LossScaling, lossScaling, type LossScalingOptions } from './loss-scaling.js'
import { objective } from './objective.js'
import type { Memory, Optimizer } from './optimizer.js'
import type { Parameters } from './state.js'
import { stepCount } from './step-count.js'

/** The names under which the graphs of training take and give what is not a parameter of the model. */
export const names = {
  scalar: (name: string): string => `scalar/${name}`,
  slot: (slot: string, name: string): string => `${slot}/${name}`,
  average: (parameter: string): string => `ema/${parameter}`,
  gradient: (parameter: string): string => `gradient/${parameter}`,
  next: (name: string): string => `next/${name}`,
  term: (name: string): string => `term/${name}`,
} as const

export type TrainingGraphOptions<P extends Parameterisation> = ClippingOptions & {
  readonly model: Model<P>
  /** Whatever it reads beside the usual has to come with every batch. */
  readonly loss: Loss<P, string>
  readonly optimizer: Optimizer
  /** Samples of an optimizer step. */
  readonly batchSize: number
  /**
   * Work through the batch in this many equal parts and add up their gradients, which takes a fraction of the memory and gives the
   * same step, unless the loss lets samples look at each other. A divisor of `batchSize`. Default 1.
   */
  readonly accumulate?: number
  /**
   * Keep few activations and compute the others again in the backward pass: less memory, for at most one more forward pass. A number is
   * the most segments that the model is cut into. Default: all are kept.
   */
  readonly checkpointing?: boolean | number
  /**
   * Scale the loss as far as gradients bear it, which float16 needs (see `inPrecision`); a step whose gradients overflow changes
   * nothing but the scale. Default false.
   */
  readonly lossScaling?: boolean | LossScalingOptions
  /** Whether a moving average of the parameters is kept. */
  readonly averages: boolean
  /** Which weights train, by name. The others become constants of the graphs. Default: all. */
  readonly trains?: (name: string) => boolean
  /** Which parameters weight decay applies to. Default: those of rank 2 and above, so neither biases nor norms. */
  readonly decays?: (name: string, dims: ReadonlyArray<number>) => boolean
}

/** An optimizer step as ordinary ONNX files. */
export type StepFiles =
  /** (parameters, averages, memory, scalars, batch) → (their successors, loss, terms, gradient norm). */
  | { readonly kind: 'whole'; readonly step: Uint8Array }
  | {
      readonly kind: 'parts'
      readonly parts: number
      /** (parameters, sums, part of the batch) → sums, which are of the gradients, the loss and the terms, each over `parts`. */
      readonly part: Uint8Array
      /** The sums to begin with, under the names that both files read them by. */
      readonly zeros: Parameters
      /** (parameters, averages, memory, scalars, sums) → (their successors, gradient norm). */
      readonly update: Uint8Array
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

type Weight = { readonly name: string; readonly value: Value; readonly initial: TensorOf<'float32'> }

const trainedValue = ({ prediction, training = prediction }: Model<Parameterisation>): Value => training

const weightsOf = (model: Model<Parameterisation>): ReadonlyArray<Weight> =>
  leaves([trainedValue(model)]).flatMap((value) =>
    value.node.kind === 'parameter' && value.node.initial.type === 'float32'
      ? [{ value, name: value.node.name, initial: value.node.initial }]
      : [],
  )

const initialOf = (weights: ReadonlyArray<Weight>): Parameters =>
  Object.fromEntries(weights.map(({ name, initial }) => [name, initial]))

const renamed = <T>(
  values: Readonly<Record<string, T>>,
  rename: (name: string) => string,
): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [rename(name), value]))

const mapped = <A, B>(
  values: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B,
): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value, name)]))

const isMatrix = (_name: string, dims: ReadonlyArray<number>): boolean => dims.length >= 2

/** What the parts of a training graph are made from. */
type Plan = Omit<TrainingGraphOptions<Parameterisation>, 'model' | 'loss' | 'lossScaling'> & {
  readonly weights: ReadonlyArray<Weight>
  readonly scaling: LossScaling | undefined
  /** What becomes of the count of steps, where there is one. */
  readonly counted: Memory<Value>
}

/** Clipping, optimizer and moving average: what follows from the gradients, by output name. */
const successors = (found: ReadonlyArray<Value>, plan: Plan): Readonly<Record<string, Value>> => {
  const { weights, scaling, counted, optimizer, averages, decays = isMatrix } = plan
  const scalars = new Map<string, Value>()
  const scalar = (name: string): Value => {
    const value = scalars.get(name) ?? input(names.scalar(name), 'float32', [])
    scalars.set(name, value)
    return value
  }
  const memory = mapped(optimizer.memory(initialOf(weights)), (slot, slotName) =>
    mapped(slot, ({ dims }, name) => input(names.slot(slotName, name), 'float32', dims)),
  )
  const gradients = scaling === undefined ? found : scaling.unscaled(found)
  const limited = clipped(gradients, plan)
  const next = optimizer.update({
    trainees: weights.map(({ name, value, initial }, i) => ({
      name,
      parameter: value,
      gradient: limited[i],
      decays: decays(name, initial.dims),
    })),
    memory,
    scalar,
  })
  const current = Object.fromEntries(weights.map(({ name, value }) => [name, value]))
  const parameters = Object.fromEntries(weights.map(({ name }, i) => [name, next.parameters[i]]))
  const averagesBefore = averages
    ? mapped(current, ({ shape }, name) => input(names.average(name), 'float32', shape))
    : {}
  const before = flat(current, memory, averagesBefore)
  const after = flat(
    parameters,
    next.memory,
    mapped(averagesBefore, (average, name) => averaged(average, parameters[name], scalar('ema_decay'))),
  )
  const norm = globalNorm(gradients)
  const state = {
    ...(scaling === undefined ? after : scaling.guarded(norm, before, after)),
    ...flat({}, { ...scaling?.next(norm), ...counted }, {}),
  }
  return { gradient_norm: norm, ...renamed(state, names.next) }
}

/** What changes at a step, under the names that graphs are fed it by. */
const flat = (
  parameters: Readonly<Record<string, Value>>,
  memory: Memory<Value>,
  averages: Readonly<Record<string, Value>>,
): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    [
      parameters,
      ...Object.entries(memory).map(([slot, values]) => renamed(values, (name) => names.slot(slot, name))),
      renamed(averages, names.average),
    ].flatMap(Object.entries<Value>),
  )

/** Everything that one graph does, or one graph a part and one for the rest. */
const filesOf = (
  found: Readonly<Record<string, Value>>,
  gradients: ReadonlyArray<Value>,
  plan: Plan,
): StepFiles => {
  const { weights, accumulate: parts = 1 } = plan
  if (parts === 1) {
    const outputs = { ...found, ...successors(gradients, plan) }
    return { kind: 'whole', step: encode({ outputs, parameters: 'inputs', name: 'training_step' }) }
  }
  const summands = {
    ...found,
    ...Object.fromEntries(weights.map(({ name }, i) => [names.gradient(name), gradients[i]])),
  }
  const sums = mapped(summands, (value, name) => input(name, 'float32', value.shape))
  const added = mapped(summands, (value, name) => add(sums[name], div(value, parts)))
  const whole = weights.map(({ name }) => sums[names.gradient(name)])
  return {
    kind: 'parts',
    parts,
    part: encode({ outputs: renamed(added, names.next), parameters: 'inputs', name: 'training_part' }),
    zeros: mapped(sums, ({ shape }) => {
      const dims = shape.map(Number)
      return float32(dims, new Float32Array(size(dims)))
    }),
    update: encode({
      outputs: successors(whole, plan),
      parameters: 'inputs',
      name: 'training_update',
    }),
  }
}

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
export const trainingGraph = <P extends Parameterisation>({
  model: whole,
  loss,
  lossScaling: scales = false,
  ...options
}: TrainingGraphOptions<P>): E.Either<ErrorOf<'GradientError'>, TrainingGraph> => {
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
    E.map((gradients) => ({
      files: filesOf(found, gradients, { ...options, weights, scaling, counted: count.next }),
      parameters: initialOf(weights),
      memory: { ...optimizer.memory(initialOf(weights)), ...scaling?.memory, ...count.memory },
      readsClean,
    })),
  )
}
