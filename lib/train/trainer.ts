import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Engine, openEngine, type SessionOptions, type Tensors, type Values } from '../engine/index.js'
import type { Loss } from '../loss/index.js'
import type { Model } from '../model/index.js'
import type { Denoiser } from '../rollout/index.js'
import {
  type Conditioning,
  type ErrorOf,
  float32,
  type Parameterisation,
  type Tensor,
} from '../types/index.js'
import { emaDecay } from './ema.js'
import { frozen } from './frozen.js'
import { modelDenoiser } from './model-denoiser.js'
import { names } from './names.js'
import { inMemory, type Keeping, keptBy, namedTensors, shapedAs, type Standing } from './standing.js'
import type { State } from './state.js'
import { openStep } from './step.js'
import { finiteStep, type StepReport, stepReport } from './step-report.js'
import { trainingGraph } from './training-graph.js'
import type { TrainingGraphOptions } from './training-options.js'

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
  /** What only losses read, by name, [batch, …]: `alpha` and `sigma` [batch], masks, second times. What N names is there for certain. */
  readonly given: Conditioning & Readonly<Record<N, Tensor>>
}

/** What a step leaves behind. */
export type Descent<S extends Standing = State> = StepReport & { readonly state: S }

export type TrainerError = ErrorOf<'EngineError'> | ErrorOf<'TrainingError'>

/** A model, a loss and an optimizer, compiled: all of it but how a step is taken. */
export interface Compiled<P extends Parameterisation> extends Keeping {
  /** As it was given: a state's parameters put into it are a whole model, frozen weights included. */
  readonly model: Model<P>
  readonly batchSize: number
  readonly initial: State
  /** Whether `Lesson.clean` is read. */
  readonly readsClean: boolean
  readonly denoiser: (parameters: Values) => Denoiser<P>
}

/**
 * A compiled training with a loss that reads N beside the usual: the pure function state × lesson → state. S is where its states are:
 * in this thread's memory (`State`), or wherever an engine keeps them (`Standing`).
 */
export interface Trainer<
  P extends Parameterisation,
  N extends string = never,
  S extends Standing = State,
> extends Compiled<P> {
  /** Left `TrainingError` when the loss or its gradient is not finite; the state given is still good then. */
  readonly descend: (state: Standing, lesson: Lesson<N>) => TE.TaskEither<TrainerError, Descent<S>>
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

/**
 * A lesson as the training graph is fed it.
 *
 * @param sample the shape of one latent
 * @example
 * declare const lesson: Lesson
 * const { latents, timestep } = batchFeeds(lesson, [1, 28, 28])
 */
export const batchFeeds = (lesson: Lesson, sample: ReadonlyArray<number>): Tensors => {
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

/**
 * A step's numbers, under the names that the training graph reads them by.
 *
 * @example
 * const feeds = scalarFeeds({ learning_rate: 1e-3 })
 */
export const scalarFeeds = (scalars: Readonly<Record<string, number>>): Tensors =>
  Object.fromEntries(Object.entries(scalars).map(([name, x]) => [names.scalar(name), float32([], [x])]))

/**
 * Compiles a trainer on an engine, which keeps the states: parameters and all that belongs to them stay where they are computed from
 * step to step, and only batches go in and metrics come out.
 *
 * @returns Left `GradientError` when the model cannot be differentiated, `EngineError` when ONNX Runtime refuses a graph
 * @throws RangeError where the batch does not fall into `accumulate` equal parts
 * @example
 * declare const model: Model<'flow_matching'>
 * const onWorker = trainerOn(openEngine({ worker: true }))
 * const task = onWorker({ model, loss: reflexflow(), optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64 })
 */
export const trainerOn =
  (engine: Engine) =>
  <P extends Parameterisation, N extends string = never>(
    options: TrainerOptions<P, N>,
  ): TE.TaskEither<ErrorOf<'GradientError'> | ErrorOf<'EngineError'>, Trainer<P, N, Standing>> => {
    const { model, loss, optimizer, batchSize, emaDecay: decay, threads, trains = () => true } = options
    const averages = decay !== undefined
    const decayAt = emaDecay(decay ?? 0)
    const session = threads === undefined ? {} : { threads }
    return pipe(
      TE.Do,
      TE.apSW('graph', TE.fromEither(trainingGraph({ ...options, averages }))),
      TE.let('initial', ({ graph: { parameters, memory } }): State => ({
        step: 0,
        parameters,
        ema: parameters,
        slots: memory,
      })),
      TE.bindW('step', ({ graph, initial }) => {
        const kept = Object.keys(namedTensors(averages ? initial : { ...initial, ema: {} }))
        return openStep(engine, graph.files, kept, session)
      }),
      TE.bindW('denoiser', () => modelDenoiser(frozen(model, trains), { engine, ...session })),
      TE.map(({ graph: { readsClean }, initial, step, denoiser }): Trainer<P, N, Standing> => ({
        model,
        batchSize,
        initial,
        readsClean,
        denoiser,
        ...keptBy(engine),
        descend: (state, lesson) => {
          const scalars = { ...optimizer.scalars(state.step), ema_decay: decayAt(state.step) }
          return pipe(
            step({ ...namedTensors(state), ...scalarFeeds(scalars) }, batchFeeds(lesson, model.sample)),
            TE.map(({ kept, rest }): Descent<Standing> => ({
              ...stepReport(rest, loss, scalars.learning_rate),
              state: {
                ...shapedAs(state, (name) => kept[names.next(name)], averages),
                step: state.step + 1,
              },
            })),
            TE.chainEitherKW((descent) => {
              const outcome = finiteStep(state.step, descent, options)
              if (E.isLeft(outcome)) engine.release(namedTensors(descent.state))()
              return outcome
            }),
          )
        },
      })),
    )
  }

/**
 * Compiles a trainer in this thread, on the CPU: sessions for the training step and for the forward pass that rollouts use. Its
 * states are plain data.
 *
 * @returns Left `GradientError` when the model cannot be differentiated, `EngineError` when ONNX Runtime refuses a graph
 * @throws RangeError where the batch does not fall into `accumulate` equal parts
 * @example
 * declare const model: Model<'flow_matching'>
 * const task = trainer({ model, loss: reflexflow(), optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64, emaDecay: 0.999 })
 */
export const trainer = <P extends Parameterisation, N extends string = never>(
  options: TrainerOptions<P, N>,
): TE.TaskEither<ErrorOf<'GradientError'> | ErrorOf<'EngineError'>, Trainer<P, N>> =>
  pipe(
    trainerOn(openEngine())(options),
    TE.map((compiled) => ({
      ...compiled,
      descend: (state, lesson) =>
        pipe(
          compiled.descend(state, lesson),
          TE.map((descent) => ({ ...descent, state: inMemory(descent.state) })),
        ),
    })),
  )
