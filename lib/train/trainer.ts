import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { SessionOptions } from '../engine/index.js'
import type { Loss } from '../loss/index.js'
import type { Model } from '../model/index.js'
import type { Denoiser } from '../rollout/index.js'
import {
  type Conditioning,
  type ErrorOf,
  float32,
  type Parameterisation,
  type Tensor,
  type TensorOf,
} from '../types/index.js'
import { emaDecay } from './ema.js'
import { frozen } from './frozen.js'
import { modelDenoiser } from './model-denoiser.js'
import type { Parameters, State } from './state.js'
import { openStep } from './step.js'
import { names, trainingGraph, type TrainingGraphOptions } from './training-graph.js'

/** A batch as the training graph takes it, with what a loss reads under the names N; all arrays are [batch, …sample] unless told otherwise. */
export type Lesson<N extends string = never> = {
  /** The model's input: on the schedule, or rolled out. */
  readonly latents: Float32Array
  readonly target: Float32Array
  readonly x0: Float32Array
  /** [batch] */
  readonly timesteps: Float32Array
  /** [batch]: 1 for samples that were rolled out, else 0. */
  readonly rolled: Float32Array
  /** Predictions at the ideal latents; read by losses that compare, where `rolled` is 1. */
  readonly clean: Float32Array
  readonly conditioning: Conditioning
  /** What only losses read, by name, [batch, …]: `alpha` and `sigma` [batch], masks, second times. */
  readonly given?: Conditioning & Readonly<Record<N, Tensor>>
}

/** What a step leaves behind. */
export type Descent = {
  readonly state: State
  readonly loss: number
  readonly terms: Readonly<Record<string, number>>
  readonly gradientNorm: number
  readonly learningRate: number
}

export type TrainerError = ErrorOf<'EngineError'> | ErrorOf<'TrainingError'>

/** A model, a loss that reads N beside the usual, and an optimizer, compiled: the pure function state × lesson → state. */
export interface Trainer<P extends Parameterisation, N extends string = never> {
  /** As it was given: a state's parameters put into it are a whole model, frozen weights included. */
  readonly model: Model<P>
  readonly batchSize: number
  readonly initial: State
  /** Whether `Lesson.clean` is read. */
  readonly readsClean: boolean
  readonly denoiser: (parameters: Parameters) => Denoiser<P>
  /** Left `TrainingError` when the loss is not finite; the state given is still good then. */
  readonly descend: (state: State, lesson: Lesson<N>) => TE.TaskEither<TrainerError, Descent>
}

export type TrainerOptions<P extends Parameterisation, N extends string = never> = Omit<
  TrainingGraphOptions<P>,
  'averages' | 'loss'
> &
  Pick<SessionOptions, 'threads'> & {
    readonly loss: Loss<P, N>
    /** The decay of the moving average of the parameters, 0 … 1, reached after a warm-up. Default: no average is kept. */
    readonly emaDecay?: number
  }

const renamed = (parameters: Parameters, rename: (name: string) => string): Parameters =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [rename(name), tensor]))

const merged = (parts: ReadonlyArray<Parameters>): Parameters =>
  Object.fromEntries(parts.flatMap(Object.entries<TensorOf<'float32'>>))

type Tensors = Readonly<Record<string, Tensor>>

/** A state as the training graph is fed it, under the names of `names`. */
const stateFeeds = (
  { parameters, slots, ema }: State,
  scalars: Readonly<Record<string, number>>,
): Tensors => ({
  ...parameters,
  ...merged(Object.entries(slots).map(([slot, values]) => renamed(values, (name) => names.slot(slot, name)))),
  // Not read where no average is kept.
  ...renamed(ema, names.average),
  ...Object.fromEntries(Object.entries(scalars).map(([name, x]) => [names.scalar(name), float32([], [x])])),
})

/** A lesson as the training graph is fed it. */
const batchFeeds = (lesson: Lesson, sample: ReadonlyArray<number>): Tensors => {
  const batch = lesson.timesteps.length
  const shaped = (data: Float32Array): Tensor => float32([batch, ...sample], data)
  return {
    ...lesson.conditioning,
    ...lesson.given,
    latents: shaped(lesson.latents),
    target: shaped(lesson.target),
    x0: shaped(lesson.x0),
    clean: shaped(lesson.clean),
    timestep: float32([batch], lesson.timesteps),
    rolled: float32([batch], lesson.rolled),
  }
}

/** What the training graph gives back, as the state that follows. */
const nextState = (
  { step, parameters, slots }: State,
  outputs: Readonly<Record<string, Tensor>>,
  averages: boolean,
): State => {
  const collected = (of: Parameters, named: (name: string) => string): Parameters =>
    Object.fromEntries(
      Object.keys(of).map((name) => {
        const tensor = outputs[names.next(named(name))]
        if (tensor.type !== 'float32') throw new Error(`the training graph gives ${name} as ${tensor.type}`)
        return [name, tensor]
      }),
    )
  const next = collected(parameters, (name) => name)
  return {
    step: step + 1,
    parameters: next,
    ema: averages ? collected(parameters, names.average) : next,
    slots: Object.fromEntries(
      Object.entries(slots).map(([slot, values]) => [
        slot,
        collected(values, (name) => names.slot(slot, name)),
      ]),
    ),
  }
}

const finite = ({ step }: State, descent: Descent): E.Either<ErrorOf<'TrainingError'>, Descent> =>
  Number.isFinite(descent.loss)
    ? E.right(descent)
    : E.left({
        _tag: 'TrainingError',
        step,
        message: `the loss at step ${step} is ${descent.loss}; a lower learning rate, gradient clipping or a longer warm-up usually helps`,
      })

/**
 * Compiles a trainer: sessions for the training step and for the forward pass that rollouts use.
 *
 * @returns Left `GradientError` when the model cannot be differentiated, `EngineError` when ONNX Runtime refuses a graph
 * @throws RangeError where the batch does not fall into `accumulate` equal parts
 * @example
 * declare const model: Model<'flow_matching'>
 * const task = trainer({ model, loss: reflexflow(), optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64, emaDecay: 0.999 })
 */
export const trainer = <P extends Parameterisation, N extends string = never>(
  options: TrainerOptions<P, N>,
): TE.TaskEither<ErrorOf<'GradientError'> | ErrorOf<'EngineError'>, Trainer<P, N>> => {
  const { model, loss, optimizer, batchSize, emaDecay: decay, threads, trains = () => true } = options
  const averages = decay !== undefined
  const decayAt = emaDecay(decay ?? 0)
  const session = threads === undefined ? {} : { threads }
  return pipe(
    TE.Do,
    TE.apSW('graph', TE.fromEither(trainingGraph({ ...options, averages }))),
    TE.bindW('step', ({ graph }) => openStep(graph.files, session)),
    TE.bindW('denoiser', () => modelDenoiser(frozen(model, trains), session)),
    TE.map(({ graph: { parameters, memory, readsClean }, step, denoiser }): Trainer<P, N> => ({
      model,
      batchSize,
      initial: { step: 0, parameters, ema: parameters, slots: memory },
      readsClean,
      denoiser,
      descend: (state, lesson) => {
        const scalars = { ...optimizer.scalars(state.step), ema_decay: decayAt(state.step) }
        return pipe(
          step(stateFeeds(state, scalars), batchFeeds(lesson, model.sample)),
          TE.map((outputs): Descent => {
            const scalar = (name: string): number => Number(outputs[name].data[0])
            return {
              state: nextState(state, outputs, averages),
              loss: scalar('loss'),
              terms: Object.fromEntries(loss.terms.map(({ name }) => [name, scalar(names.term(name))])),
              gradientNorm: scalar('gradient_norm'),
              learningRate: scalars.learning_rate,
            }
          }),
          TE.chainEitherKW((descent) => finite(state, descent)),
        )
      },
    })),
  )
}
