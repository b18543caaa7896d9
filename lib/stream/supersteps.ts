import { concatMap, defer, EMPTY, expand, forkJoin, last, map, type Observable, tap } from 'rxjs'
import { normal } from '../random/index.js'
import { plan } from '../rollout/index.js'
import {
  type SuperstepLesson,
  type Metrics,
  type StepReport,
  rolloutFeeds,
  type Standing,
  type Superstep,
} from '../train/index.js'
import type { Parameterisation } from '../types/index.js'
import { foreseen } from './ahead.js'
import { levels } from './descend.js'
import type { Noised } from './noised.js'
import { fromTaskEither, type Pipeline } from './pipeline.js'
import { rolledOut } from './rollout.js'
import type { TrainingOptions } from './training.js'

/** Where training stands after a superstep, and what each of its steps reports. */
export type Superstepped = { readonly state: Standing; readonly metrics: ReadonlyArray<Metrics> }

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
): Prepared<N> => {
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
  const moved = told.rolled.reduce((a, b) => a + b, 0)
  return {
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
}

const reported = (
  { lesson: { rolled }, metrics }: Prepared<string>,
  { drift, ...report }: StepReport,
  step: number,
  seconds: number,
): Metrics => ({
  ...report,
  ...metrics,
  step,
  drift:
    drift /
    Math.max(
      1,
      rolled.reduce((a, b) => a + b, 0),
    ),
  // They are made in the graph, and not apart from the rest.
  rolloutSeconds: 0,
  trainingSeconds: seconds,
})

/**
 * Closes the loop, several steps at a time: as `training(…)` with `rollout(…)` and `descend(…)`, with the same draws and the same
 * weights to rounding, but that the steps of a superstep are one run of a graph, rollouts included. The pipeline is run for all of
 * them before the first is taken, so no stage of it may ask the model; it ends with an error that says so.
 *
 * @param compiled `superstep(…)`, whose plan the rollouts follow
 * @returns after every superstep its state and the metrics of its steps; states are released as by `training`
 * @throws RangeError where the steps that are left are no multiple of the superstep's; in the stream where latents that have been moved
 * are to be rolled out
 * @example
 * declare const source: Source, compiled: Superstep<'flow_matching'>
 * const run = pipe(dataset(source), noised(flow()), supersteps(compiled, { steps: 1000, seed: 1 }))
 */
export const supersteps =
  <P extends Parameterisation, N extends string = never>(
    compiled: Superstep<P, N>,
    { steps, seed, from = compiled.initial }: TrainingOptions,
  ) =>
  (pipeline: Pipeline<P, Noised<N, boolean>>): Observable<Superstepped> => {
    if ((steps - from.step) % compiled.steps !== 0)
      throw new RangeError(
        `${steps - from.step} steps do not fall into supersteps of ${compiled.steps}; a multiple of it would`,
      )
    const taken = (state: Standing): Observable<Superstepped> =>
      state.step >= steps
        ? EMPTY
        : defer(() =>
            forkJoin(
              Array.from({ length: compiled.steps }, (_, i) =>
                pipeline(foreseen(compiled.model.parameterisation, { seed, steps }, state.step + i)).pipe(
                  last(),
                  map((batch) => prepared(compiled, batch, { seed, step: state.step + i })),
                ),
              ),
            ),
          ).pipe(
            concatMap((all) => {
              const started = performance.now()
              return fromTaskEither(
                compiled.descend(
                  state,
                  all.map(({ lesson }) => lesson),
                ),
              ).pipe(
                map(({ state: next, reports }) => {
                  const seconds = (performance.now() - started) / 1000 / compiled.steps
                  return {
                    state: next,
                    metrics: reports.map((report, i) =>
                      reported(all[i], report, state.step + i + 1, seconds),
                    ),
                  }
                }),
              )
            }),
            tap(() => {
              // What it was given is its giver's.
              if (state !== from) compiled.release(state)()
            }),
          )
    // Concurrency 1: a superstep needs the weights that the last one made.
    return taken(from).pipe(expand(({ state }) => taken(state), 1))
  }
