import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom, takeWhile } from 'rxjs'
import type { Config } from '../config/index.js'
import { batches, type Dataset } from '../data/index.js'
import { record } from '../report/index.js'
import { dataset, observe, type Stepped, training } from '../stream/index.js'
import type { Standing, State } from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import type { Interruption } from './interruption.js'
import type { Keeper, Watched } from './keeper.js'
import { isDerivaError } from './outcome.js'
import { advanced, type Progress, started } from './progress.js'
import type { Stepping } from './stepping.js'

/** Where training has got to. */
export type Reached = { readonly state: State; readonly progress: Progress }

/** What steps are made from. */
export type StepsFrom<P extends Parameterisation> = {
  readonly config: Config
  readonly data: Dataset
  readonly stepping: Stepping<P>
  readonly from: State
}

const isDue = (step: number, interval: number): boolean => interval > 0 && step % interval === 0

/** Weights that lead to no number are not worth keeping, in the place of better ones least of all. */
const ledNowhere = (cause: unknown): boolean => isDerivaError(cause) && cause._tag === 'TrainingError'

/**
 * A sample grid as part of a training: progress tells of it, and an interruption ends it.
 *
 * @example
 * declare const progress: Progress, interruption: Interruption
 * const { stop } = drawing(() => undefined, interruption, progress)
 */
export const drawing = (
  show: (progress: Progress) => void,
  { requested }: Pick<Interruption, 'requested'>,
  progress: Progress,
): Watched => ({
  show: (drawn) => {
    show({ ...progress, now: performance.now(), drawn })
  },
  stop: requested,
})

/**
 * Trains until the last step, or until somebody asks for an end: then what is under way is still finished. Whatever else ends training, such
 * as an image that cannot be read, takes nothing from the steps before it: a checkpoint of them is kept.
 *
 * @param show called after every step, or after those that were one run
 * @example
 * declare const given: StepsFrom<'flow_matching'>, keep: Keeper
 * const trained = trainingSteps(given, keep, listen(() => undefined), () => undefined)
 */
export const trainingSteps = <P extends Parameterisation>(
  { config, data, stepping, from }: StepsFrom<P>,
  keep: Pick<Keeper, 'checkpoint' | 'grid'>,
  interruption: Pick<Interruption, 'requested'>,
  show: (progress: Progress) => void,
): TE.TaskEither<DerivaError, Reached> => {
  const { output_dir: outputDir, seed, max_train_steps: total } = config
  const { compiled } = stepping
  let progress = started({ from: from.step, total, now: performance.now() })
  let reached: Standing = from
  const source = batches(data, {
    batchSize: compiled.batchSize,
    seed,
    dropout: config.caption_dropout_probability,
  })
  const pipeline = pipe(
    stepping.steps(dataset(source)),
    record(outputDir),
    observe(({ state, metrics }: Stepped) => {
      progress = advanced(progress, metrics, performance.now())
      // Within a superstep there is nothing to see yet.
      if (metrics.step < state.step) return TE.right(undefined)
      reached = state
      show(progress)
      // The last step has its own ending.
      const due = (interval: number): boolean => state.step < total && isDue(state.step, interval)
      const [saved, drawn] = [due(config.checkpoint_step_interval), due(config.validation_step_interval)]
      if (!saved && !drawn) return TE.right(undefined)
      return pipe(
        compiled.read(state),
        TE.chainW((read) =>
          pipe(
            saved ? keep.checkpoint(read) : TE.right(undefined),
            TE.chain(() =>
              drawn ? keep.grid(read, drawing(show, interruption, progress)) : TE.right(undefined),
            ),
          ),
        ),
      )
    }),
    training(compiled, { steps: total, seed, from }),
    takeWhile(() => !interruption.requested(), true),
  )
  const trained = (): Promise<{ readonly state: Standing }> =>
    lastValueFrom(pipeline, { defaultValue: { state: from } }).catch(async (cause: unknown) => {
      // That this may fail too is not the failure to report.
      if (reached.step > from.step && !ledNowhere(cause))
        await pipe(compiled.read(reached), TE.chainW(keep.checkpoint))()
      throw cause
    })
  return pipe(
    TE.tryCatch(trained, (cause) => {
      if (isDerivaError(cause)) return cause
      throw cause
    }),
    TE.chainW(({ state }) => compiled.read(state)),
    TE.map((state) => ({ state, progress })),
  )
}
