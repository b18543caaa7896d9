import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { openSession, type SessionOptions } from '../engine/index.js'
import type { Model } from '../model/index.js'
import type { Denoiser } from '../rollout/index.js'
import {
  type Conditioning,
  type ErrorOf,
  float32,
  type Parameterisation,
  size,
  type Tensor,
  type TensorOf,
} from '../types/index.js'
import { emaDecay } from './ema.js'
import { modelDenoiser } from './model-denoiser.js'
import type { Parameters, State } from './state.js'
import { names, trainingGraph, type TrainingGraphOptions } from './training-graph.js'

/** A batch as the training graph takes it; all arrays are [batch, …sample] unless told otherwise. */
export type Lesson = {
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

/** A model, a loss and an optimizer, compiled: the pure function state × lesson → state. */
export interface Trainer<P extends Parameterisation> {
  readonly model: Model<P>
  readonly batchSize: number
  readonly initial: State
  /** Whether `Lesson.clean` is read. */
  readonly readsClean: boolean
  readonly denoiser: (parameters: Parameters) => Denoiser<P>
  /** Left `TrainingError` when the loss is not finite; the state given is still good then. */
  readonly descend: (state: State, lesson: Lesson) => TE.TaskEither<TrainerError, Descent>
}

export type TrainerOptions<P extends Parameterisation> = Omit<TrainingGraphOptions<P>, 'averages'> &
  Pick<SessionOptions, 'threads'> & {
    /** The decay of the moving average of the parameters, 0 … 1, reached after a warm-up. Default: no average is kept. */
    readonly emaDecay?: number
  }

const zeros = (parameters: Parameters): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, { dims }]) => [name, float32(dims, new Float32Array(size(dims)))]),
  )

const scalarOf = (tensor: Tensor | undefined): number => Number(tensor?.data[0] ?? Number.NaN)

/** Float32 outputs whose names `named` gives for each parameter. */
const collected = (
  outputs: Readonly<Record<string, Tensor>>,
  parameters: Parameters,
  named: (name: string) => string,
): Parameters =>
  Object.fromEntries(
    Object.keys(parameters).flatMap((name): ReadonlyArray<[string, TensorOf<'float32'>]> => {
      const tensor = outputs[names.next(named(name))]
      return tensor?.type === 'float32' ? [[name, tensor]] : []
    }),
  )

const prefixed = (parameters: Parameters, named: (name: string) => string): Parameters =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [named(name), tensor]))

/**
 * Compiles a trainer: two sessions, one for the training step and one for the forward pass that rollouts use.
 *
 * @returns Left `GradientError` when the model cannot be differentiated, `EngineError` when ONNX Runtime refuses a graph
 * @example
 * declare const model: Model<'flow_matching'>
 * const task = trainer({ model, loss: reflexflow(), optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64, emaDecay: 0.999 })
 */
export const trainer = <P extends Parameterisation>(
  options: TrainerOptions<P>,
): TE.TaskEither<ErrorOf<'GradientError'> | ErrorOf<'EngineError'>, Trainer<P>> => {
  const { model, optimizer, batchSize, emaDecay: decay, threads } = options
  const session = threads === undefined ? {} : { threads }
  return pipe(
    TE.Do,
    TE.apSW('graph', TE.fromEither(trainingGraph({ ...options, averages: decay !== undefined }))),
    TE.bindW('step', ({ graph }) => openSession(graph.bytes, { name: 'training step', ...session })),
    TE.bindW('denoiser', () => modelDenoiser(model, session)),
    TE.map(({ graph, step, denoiser }): Trainer<P> => {
      const parameters = graph.parameters
      const batch = [batchSize, ...model.sample]
      const run = (state: State, lesson: Lesson) => {
        const scalars = {
          ...optimizer.scalars(state.step),
          ...(decay === undefined ? {} : { ema_decay: emaDecay(decay)(state.step) }),
        }
        const outputs = step.run({
          ...state.parameters,
          ...Object.assign(
            {},
            ...optimizer.slots.map((s) => prefixed(state.slots[s] ?? {}, (n) => names.slot(s, n))),
          ),
          ...(decay === undefined ? {} : prefixed(state.ema, names.average)),
          ...Object.fromEntries(Object.entries(scalars).map(([n, x]) => [names.scalar(n), float32([], [x])])),
          ...lesson.conditioning,
          latents: float32(batch, lesson.latents),
          target: float32(batch, lesson.target),
          x0: float32(batch, lesson.x0),
          clean: float32(batch, lesson.clean),
          timestep: float32([batchSize], lesson.timesteps),
          rolled: float32([batchSize], lesson.rolled),
        })
        return pipe(
          outputs,
          TE.map((out): Descent => {
            const next = collected(out, state.parameters, (n) => n)
            return {
              state: {
                step: state.step + 1,
                parameters: next,
                ema: decay === undefined ? next : collected(out, state.parameters, names.average),
                slots: Object.fromEntries(
                  optimizer.slots.map((s) => [s, collected(out, state.parameters, (n) => names.slot(s, n))]),
                ),
              },
              loss: scalarOf(out['loss']),
              terms: Object.fromEntries(
                options.loss.terms.map(({ name }) => [name, scalarOf(out[names.term(name)])]),
              ),
              gradientNorm: scalarOf(out['gradient_norm']),
              learningRate: scalars['learning_rate'],
            }
          }),
        )
      }
      return {
        model,
        batchSize,
        initial: {
          step: 0,
          parameters,
          ema: parameters,
          slots: Object.fromEntries(optimizer.slots.map((slot) => [slot, zeros(parameters)])),
        },
        readsClean: graph.readsClean,
        denoiser,
        descend: (state, lesson) =>
          pipe(
            run(state, lesson),
            TE.chainEitherKW((descent) =>
              Number.isFinite(descent.loss)
                ? E.right(descent)
                : E.left<ErrorOf<'TrainingError'>>({
                    _tag: 'TrainingError',
                    step: state.step,
                    message: `the loss at step ${state.step} is ${descent.loss}; a lower learning rate, gradient clipping or a longer warm-up usually helps`,
                  }),
            ),
          ),
      }
    }),
  )
}
