import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as IO from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Engine, Tensors } from '../engine/index.js'
import type { Model } from '../model/index.js'
import type { Conditioning, ErrorOf, Parameterisation, Tensor } from '../types/index.js'
import { emaDecay } from './ema.js'
import { type InGraphRollout, rolloutShape } from './in-graph-rollout.js'
import { names } from './names.js'
import { inMemory, namedTensors, shapedAs, type Standing } from './standing.js'
import type { State } from './state.js'
import { superstepGraph } from './superstep-graph.js'
import {
  batchFeeds,
  type Descent,
  finiteLoss,
  type Lesson,
  scalarFeeds,
  type TrainerError,
  type TrainerOptions,
} from './trainer.js'

/** A lesson whose rollouts, if any, are made in the graph: `rolloutFeeds`. */
export type SuperstepLesson<N extends string = never> = Lesson<N> & { readonly rollout: Conditioning }

/** What a step within a superstep reports. */
export type StepReport = Omit<Descent, 'state'> & {
  /** The sum over the samples that moved of ‖x̂_t − x_t‖ / ‖x_t‖. */
  readonly drift: number
}

/** What a superstep leaves behind: the last state, and a report of each of its steps. */
export type Superdescent = { readonly state: Standing; readonly reports: ReadonlyArray<StepReport> }

/** Several optimizer steps, compiled as one: the pure function state × lessons → state. */
export interface Superstep<P extends Parameterisation, N extends string = never> {
  readonly model: Model<P>
  readonly batchSize: number
  /** Optimizer steps of a superstep. */
  readonly steps: number
  /** The rollouts that it makes. */
  readonly rollout: InGraphRollout | undefined
  readonly initial: State
  /** Whether clean predictions are made for samples that roll out. */
  readonly readsClean: boolean
  /**
   * Takes all its steps, one on each lesson.
   *
   * @returns Left `TrainingError` when the loss of a step is not finite; the state given is still good then
   * @throws RangeError where there are not as many lessons as steps
   */
  readonly descend: (
    state: Standing,
    lessons: ReadonlyArray<SuperstepLesson<N>>,
  ) => TE.TaskEither<TrainerError, Superdescent>
  /** As that of `Trainer`. */
  readonly read: (state: Standing) => TE.TaskEither<ErrorOf<'EngineError'>, State>
  /** As that of `Trainer`. */
  readonly release: (state: Standing) => IO.IO<void>
}

export type SuperstepOptions<P extends Parameterisation, N extends string = never> = Omit<
  TrainerOptions<P, N>,
  'accumulate'
> & {
  /** Optimizer steps of a superstep: an integer from 1. */
  readonly steps: number
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
    const { model, loss, optimizer, batchSize, steps, emaDecay: decay, threads } = options
    const averages = decay !== undefined
    const decayAt = emaDecay(decay ?? 0)
    const rollout = wanted && {
      ...wanted,
      shape: rolloutShape(wanted.solver, wanted.path, model.parameterisation, wanted.plan),
    }
    const graph = superstepGraph({ ...options, averages, ...(rollout === undefined ? {} : { rollout }) })
    return pipe(
      TE.fromEither(graph),
      TE.bindTo('graph'),
      TE.let('initial', ({ graph: { parameters, memory } }): State => ({
        step: 0,
        parameters,
        ema: parameters,
        slots: memory,
      })),
      TE.bindW('session', ({ graph: { file }, initial }) => {
        const kept = Object.keys(namedTensors(averages ? initial : { ...initial, ema: {} })).map(names.next)
        return engine.openKeeping(file, kept, {
          name: 'superstep',
          ...(threads === undefined ? {} : { threads }),
        })
      }),
      TE.map(({ graph: { readsClean }, initial, session }): Superstep<P, N> => {
        const feeds = (lesson: SuperstepLesson<N>, i: number, step: number): Tensors => {
          const scalars = { ...optimizer.scalars(step), ema_decay: decayAt(step) }
          const all = { ...batchFeeds(lesson, model.sample), ...lesson.rollout, ...scalarFeeds(scalars) }
          return Object.fromEntries(Object.entries(all).map(([name, tensor]) => [names.at(i, name), tensor]))
        }
        const reported = (rest: Partial<Record<string, Tensor>>, i: number, step: number): StepReport => {
          const scalar = (name: string): number => Number(rest[names.at(i, name)]?.data[0] ?? 0)
          return {
            loss: scalar('loss'),
            terms: Object.fromEntries(loss.terms.map(({ name }) => [name, scalar(names.term(name))])),
            gradientNorm: scalar('gradient_norm'),
            learningRate: optimizer.scalars(step).learning_rate,
            drift: scalar('drift'),
          }
        }
        return {
          model,
          batchSize,
          steps,
          rollout,
          initial,
          readsClean,
          read: (state) =>
            pipe(
              engine.read(namedTensors(state)),
              TE.map((tensors) => inMemory(state, tensors)),
            ),
          release: (state) => engine.release(namedTensors(state)),
          descend: (state, lessons) => {
            if (lessons.length !== steps)
              throw new RangeError(`${lessons.length} lessons for a superstep of ${steps} steps`)
            const batches = lessons.map((lesson, i) => feeds(lesson, i, state.step + i))
            return pipe(
              session.run({
                ...namedTensors(state),
                ...Object.fromEntries(batches.flatMap(Object.entries<Tensor>)),
              }),
              TE.chainEitherKW(({ kept, rest }) => {
                const next = {
                  ...shapedAs(state, (name) => kept[names.next(name)], averages),
                  step: state.step + steps,
                }
                const reports = lessons.map((_, i) => reported(rest, i, state.step + i))
                const outcome = E.sequenceArray(
                  reports.map((report, i) => finiteLoss(state.step + i, report)),
                )
                if (E.isLeft(outcome)) engine.release(namedTensors(next))()
                return pipe(
                  outcome,
                  E.map((all): Superdescent => ({ state: next, reports: all })),
                )
              }),
            )
          },
        }
      }),
    )
  }
