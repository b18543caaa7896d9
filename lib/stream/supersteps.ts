import { setImmediate } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { concatMap, defer, from, last, range, toArray } from 'rxjs'
import { normal } from '../random/index.js'
import { guidanceOf, plan } from '../rollout/index.js'
import {
  type Metrics,
  rolloutFeeds,
  type Standing,
  type SuperstepReport,
  type Superstep,
  type SuperstepLesson,
} from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { aheadTo, foreseen } from './ahead.js'
import { levels } from './descend.js'
import type { Noised } from './noised.js'
import { fromEither, fromTaskEither, type Pipeline, type Stage } from './pipeline.js'
import { rolledOut } from './rollout.js'

/** An optimizer step that has been taken. */
export type Stepped = {
  /** Where training stands after the run that took it: within a superstep that is further on than `metrics.step`. */
  readonly state: Standing
  readonly metrics: Metrics
}

export type SuperstepsOptions = {
  /** A superstep also ends at the multiples of these, where somebody wants to look at the state. Default: none. */
  readonly pauses?: ReadonlyArray<number>
}

/**
 * The step at which a superstep ends that begins at this one: after its whole length, or before that at a pause or at the end of all.
 *
 * @param most steps of a superstep
 * @param total steps in all
 * @example
 * const end = superstepEnd(248, 4, { pauses: [250], total: 1000 }) // 250
 */
export const superstepEnd = (
  step: number,
  most: number,
  { pauses = [], total = Infinity }: SuperstepsOptions & { readonly total?: number } = {},
): number => Math.min(step + most, total, ...pauses.map((pause) => (Math.floor(step / pause) + 1) * pause))

/** A lesson with all that its step in the graph needs, and what the host knows of it. */
type Prepared<N extends string> = {
  readonly lesson: SuperstepLesson<N>
  readonly metrics: Pick<Metrics, 'rolloutProbability' | 'rolledOut' | 'evaluations' | 'cleanEvaluations'>
}

/** What a step is fed: planned here, and rolled out in the graph. */
const prepared = <P extends Parameterisation, N extends string>(
  { rollout, model, readsClean }: Superstep<P, N>,
  batch: Noised<N, boolean>,
  { seed, step }: { readonly seed: number; readonly step: number },
): E.Either<DerivaError, Prepared<N>> => {
  const { ids, path, timesteps, latents, target, x0, conditioning, given } = batch
  if (rollout !== undefined && batch.drifted)
    throw new RangeError(
      'rollouts start from the schedule, and a stage before the superstep has moved the latents',
    )
  const spans = rollout && plan(rollout.plan, { seed, step }, ids, timesteps, path)
  const flown =
    rollout &&
    spans &&
    rolloutFeeds(model.parameterisation, rollout, { ...batch, spans }, (i, j, out) => {
      normal({ seed, purpose: 'solver', step, sample: ids[i] }, out, 0, out.length, j)
    })
  const told =
    rollout && spans && flown ? rolledOut(spans, rollout.plan, step, flown.evaluations, 0) : batch.rollout
  const moved = told.count
  const made: Prepared<N> = {
    lesson: {
      latents,
      target,
      x0,
      timesteps,
      rolled: told.rolled,
      clean: new Float32Array(latents.length),
      conditioning,
      given: { ...given, ...levels(batch) },
      rollout: flown?.feeds ?? {},
    },
    metrics: {
      rolloutProbability: told.probability,
      rolledOut: moved,
      evaluations: told.evaluations,
      cleanEvaluations: readsClean && rollout !== undefined ? moved : 0,
    },
  }
  return pipe(
    guidanceOf(rollout?.plan.guidance ?? 1, batch),
    E.map(() => made),
  )
}

const reported = (
  { metrics }: Prepared<string>,
  { drift, ...report }: SuperstepReport,
  step: number,
  seconds: number,
): Metrics => ({
  ...report,
  ...metrics,
  step,
  drift: drift / Math.max(1, metrics.rolledOut),
  // They are made in the graph, and not apart from the rest.
  rolloutSeconds: 0,
  trainingSeconds: seconds,
})

/**
 * Several optimizer steps in one run of a graph, rollouts included: in place of `rollout(…)` and `descend(…)`, with the same draws and the
 * same weights to rounding. What comes before this stage is run for all of them before the first is taken, and for the next superstep
 * while this one computes, so none of it may ask the model; it ends with an error that says so.
 *
 * A superstep is shorter where a pause or the last step of the training is closer. Which steps are one superstep changes nothing of what
 * they do.
 *
 * @param compiled `superstep(…)`, whose plan the rollouts follow
 * @returns every step that was taken, in order, each with the state after the last of them
 * @throws RangeError in the stream, where latents that have been moved are to be rolled out
 * @example
 * declare const source: Source, compiled: Superstep<'flow_matching'>
 * const pipeline = pipe(dataset(source), noised(flow()), supersteps(compiled, { pauses: [500] }))
 * const run = pipe(pipeline, training(compiled, { steps: 2000, seed: 1 }))
 */
export const supersteps = <P extends Parameterisation, N extends string = never>(
  compiled: Superstep<P, N>,
  options: SuperstepsOptions = {},
): Stage<P, Noised<N, boolean>, Stepped> => {
  const endOf = (step: number, steps: number): number =>
    superstepEnd(step, compiled.steps, { ...options, total: steps })
  const lessons =
    (upstream: Pipeline<P, Noised<N, boolean>>): Pipeline<P, ReadonlyArray<Prepared<N>>> =>
    (environment) => {
      const { state, seed, steps = Infinity } = environment
      return range(state.step, endOf(state.step, steps) - state.step).pipe(
        concatMap((step) =>
          // A pause between them: making several at a stretch would hold up timers.
          defer(() => setImmediate()).pipe(
            concatMap(() => upstream(foreseen(compiled.model.parameterisation, environment, step))),
            last(),
            concatMap((batch) => fromEither(prepared(compiled, batch, { seed, step }))),
          ),
        ),
        toArray(),
      )
    }
  return (upstream) => {
    const ready = pipe(upstream, lessons, aheadTo(endOf))
    return (environment) =>
      ready(environment).pipe(
        concatMap((all) => {
          const { state } = environment
          const started = performance.now()
          return fromTaskEither(
            compiled.descend(
              state,
              all.map(({ lesson }) => lesson),
            ),
            ({ state: unwanted }) => {
              compiled.release(unwanted)()
            },
          ).pipe(
            concatMap(({ state: next, reports }) => {
              const seconds = (performance.now() - started) / 1000 / all.length
              return from(
                reports.map((report, i): Stepped => ({
                  state: next,
                  metrics: reported(all[i], report, state.step + i + 1, seconds),
                })),
              )
            }),
          )
        }),
      )
  }
}
