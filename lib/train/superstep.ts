import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  type Engine,
  type EngineError,
  type KeepingSession,
  suitedTo,
  type Tensors,
} from '../engine/index.js'
import type { Conditioning, ErrorOf, Parameterisation } from '../types/index.js'
import { emaDecay } from './ema.js'
import { frozen } from './frozen.js'
import { type InGraphRollout, rolloutShape } from './in-graph-rollout.js'
import { modelDenoiser } from './model-denoiser.js'
import { names } from './names.js'
import { repeatedFeeds } from './repeated-feeds.js'
import { keptBy, namedTensors, shapedAs, type Standing } from './standing.js'
import { finiteStep, type StepReport, stepReport } from './step-report.js'
import { type SuperstepGraph, superstepGraph } from './superstep-graph.js'
import {
  batchFeeds,
  type Compiled,
  type Lesson,
  scalarFeeds,
  type TrainerError,
  type TrainerOptions,
} from './trainer.js'

/** A lesson whose rollouts, if any, are made in the graph: `rolloutFeeds`. */
export type SuperstepLesson<N extends string = never> = Lesson<N> & { readonly rollout: Conditioning }

/** What a step within a superstep reports. */
export type SuperstepReport = StepReport & {
  /** The sum over the samples that moved of ‖x̂_t − x_t‖ / ‖x_t‖. */
  readonly drift: number
}

/** What a superstep leaves behind: the last state, and a report of each of its steps. */
export type Superdescent = { readonly state: Standing; readonly reports: ReadonlyArray<SuperstepReport> }

/** Several optimizer steps, compiled as one: the pure function state × lessons → state. */
export interface Superstep<P extends Parameterisation, N extends string = never> extends Compiled<P> {
  /** The most optimizer steps of a superstep. */
  readonly steps: number
  /** The rollouts that it makes. */
  readonly rollout: InGraphRollout | undefined
  /**
   * Takes one step on each lesson.
   *
   * @returns Left `TrainingError` when the loss of a step or its gradient is not finite; the state given is still good then
   * @throws RangeError where there is no lesson, or there are more than steps
   */
  readonly descend: (
    state: Standing,
    lessons: ReadonlyArray<SuperstepLesson<N>>,
  ) => TE.TaskEither<TrainerError, Superdescent>
}

export type SuperstepOptions<P extends Parameterisation, N extends string = never> = Omit<
  TrainerOptions<P, N>,
  'accumulate'
> & {
  /** The most optimizer steps of a superstep: an integer from 1. Any number of them is the same graph. */
  readonly steps: number
  /**
   * Whether weights of one shape are computed with as one: a transformer's step then has half as many operators, and copies its weights and
   * gradients once more. Default: on CUDA, where a step takes as long as its operators take to start. WebGPU cannot take more than a dozen
   * weights apart at once.
   */
  readonly joins?: boolean
  /** The rollouts of scheduled sampling, made in the graph with the weights of each step. Default: none. */
  readonly rollout?: Omit<InGraphRollout, 'shape'>
}

/**
 * Compiles a superstep on an engine: so many optimizer steps, their rollouts and clean predictions included, as one graph, so that
 * between them nothing passes through the memory of the host. Gives the weights of as many single steps, to rounding.
 *
 * @returns Left `GradientError` when the model cannot be differentiated, `EngineError` when ONNX Runtime refuses the graph
 * @throws RangeError where `steps` is no integer from 1
 * @example
 * declare const model: Model<'flow_matching'>
 * const plan = { maxStepOffset: 4, probability: () => 0.5 }
 * const task = superstep(openEngine())({
 *   model,
 *   loss: mse,
 *   optimizer: adamw({ learningRate: () => 1e-3 }),
 *   batchSize: 64,
 *   steps: 4,
 *   rollout: { path: flow(), solver: euler(), plan },
 * })
 */
export const superstep =
  (engine: Engine) =>
  <P extends Parameterisation, N extends string = never>({
    rollout: wanted,
    ...options
  }: SuperstepOptions<P, N>): TE.TaskEither<
    ErrorOf<'GradientError'> | ErrorOf<'EngineError'>,
    Superstep<P, N>
  > => {
    const {
      model,
      loss,
      optimizer,
      batchSize,
      steps,
      emaDecay: decay,
      threads,
      trains = () => true,
    } = options
    if (!Number.isInteger(steps) || steps < 1)
      throw new RangeError(`a superstep of ${steps} steps: has to be an integer from 1`)
    const averages = decay !== undefined
    const decayAt = emaDecay(decay ?? 0)
    const limits = threads === undefined ? {} : { threads }
    const rollout = wanted && {
      ...wanted,
      shape: rolloutShape(wanted.solver, wanted.path, model.parameterisation, wanted.plan),
    }
    const graph = superstepGraph({
      ...options,
      averages,
      joins: options.joins ?? engine.device === 'cuda',
      suited: (outputs) => suitedTo(engine.device, outputs),
      ...(rollout === undefined ? {} : { rollout }),
    })
    const opened = ({
      file,
      parameters,
      memory,
    }: SuperstepGraph): TE.TaskEither<EngineError, KeepingSession> => {
      const state = { step: 0, parameters, ema: averages ? parameters : {}, slots: memory }
      const kept = Object.keys(namedTensors(state)).map(names.next)
      return engine.openKeeping(file, kept, { name: 'superstep', ...limits })
    }
    const feeds = (lesson: SuperstepLesson<N>, step: number): Tensors => {
      const scalars = { ...optimizer.scalars(step), ema_decay: decayAt(step) }
      return { ...batchFeeds(lesson, model.sample), ...lesson.rollout, ...scalarFeeds(scalars) }
    }
    const reported = (rest: Tensors, i: number, step: number): SuperstepReport => ({
      ...stepReport(rest, loss, optimizer.scalars(step).learning_rate, i),
      // No graph without rollouts says how far they went.
      drift: Object.hasOwn(rest, 'drift') ? Number(rest.drift.data[i]) : 0,
    })
    return pipe(
      TE.Do,
      TE.apSW('graph', TE.fromEither(graph)),
      TE.bindW('session', ({ graph: made }) => opened(made)),
      TE.bindW('denoiser', () => modelDenoiser(frozen(model, trains), { engine, ...limits })),
      TE.map(({ graph: { parameters, memory, readsClean, ragged }, session, denoiser }): Superstep<P, N> => ({
        model,
        batchSize,
        steps,
        rollout,
        initial: { step: 0, parameters, ema: parameters, slots: memory },
        readsClean,
        denoiser,
        ...keptBy(engine),
        descend: (state, lessons) => {
          const { length } = lessons
          if (length < 1 || length > steps)
            throw new RangeError(`${length} lessons for a superstep of ${steps} steps`)
          const turns = lessons.map((lesson, i) => feeds(lesson, state.step + i))
          return pipe(
            session.run({ ...namedTensors(state), ...repeatedFeeds(turns, ragged) }),
            TE.chainEitherKW(({ kept, rest }) => {
              const next = {
                ...shapedAs(state, (name) => kept[names.next(name)], averages),
                step: state.step + length,
              }
              const reports = lessons.map((_, i) => reported(rest, i, state.step + i))
              const outcome = E.sequenceArray(
                reports.map((report, i) => finiteStep(state.step + i, report, options)),
              )
              if (E.isLeft(outcome)) engine.release(namedTensors(next))()
              return pipe(
                outcome,
                E.map((all): Superdescent => ({ state: next, reports: all })),
              )
            }),
          )
        },
      })),
    )
  }
