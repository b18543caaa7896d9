import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { keepNewest, saveCheckpoint } from '../checkpoint/index.js'
import type { Config } from '../config/index.js'
import { type Dataset, writeModelFile } from '../data/index.js'
import { encodeDatasetFacts } from '../report/dataset-file.js'
import { rewindGrids, writeGrid, writeReport, writeRunFile } from '../report/run-folder.js'
import { stoppable } from '../rollout/index.js'
import type { Compiled, State } from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { datasetConditions } from './conditions.js'
import { counted } from './evaluation-progress.js'
import { drawingEvaluations, drawn, pictured } from './grid.js'
import type { Recipe, Subject } from './recipe/index.js'

type Effect = TE.TaskEither<DerivaError, void>

/** How a sample grid is followed, and left. */
export type Watched = {
  /** Told how much of it there is, 0 … 1, after each evaluation. */
  readonly show: (share: number) => void
  /** Asked before each evaluation. */
  readonly stop: () => boolean
}

/** What a run leaves in its folder. */
export type Keeper = {
  /** Before the first step after `state`: the configuration; what later steps of an earlier attempt left is cleared away. */
  readonly open: (state: State) => Effect
  readonly checkpoint: (state: State) => Effect
  /** A sample grid; none where somebody wants an end before it is done. */
  readonly grid: (state: State, watched: Watched) => Effect
  /** model.onnx, adapters where there are any, and report.html. */
  readonly close: (state: State) => Effect
  readonly report: Effect
}

const inSequence = (...effects: ReadonlyArray<TE.TaskEither<DerivaError, unknown>>): Effect =>
  pipe(
    TE.sequenceSeqArray(effects),
    TE.map(() => undefined),
  )

/**
 * The run folder of a configuration, as effects that the training pipeline observes with.
 *
 * @param look shown the samples of every grid, [count, …shape]
 * @example
 * declare const config: Config, dataset: Dataset, recipe: Recipe<'flow_matching'>
 * declare const subject: Subject<'flow_matching'>, compiled: Compiled<'flow_matching'>
 * const { checkpoint } = keeper(config, dataset, recipe, subject, compiled)
 */
export const keeper = <P extends Parameterisation>(
  config: Config,
  dataset: Dataset,
  { sampling }: Pick<Recipe<P>, 'sampling'>,
  { whole, files }: Pick<Subject<P>, 'whole' | 'files'>,
  { denoiser }: Pick<Compiled<P>, 'denoiser'>,
  look: (samples: Float32Array, step: number) => T.Task<void> = () => T.of(undefined),
): Keeper => {
  const outputDir = config.output_dir
  const report = inSequence(writeReport(outputDir))
  return {
    open: ({ step }) =>
      inSequence(
        writeRunFile(outputDir, 'config.json', `${JSON.stringify(config, null, 2)}\n`),
        writeRunFile(outputDir, 'dataset.json', encodeDatasetFacts(dataset)),
        rewindGrids(outputDir, step),
      ),
    checkpoint: (state) =>
      inSequence(
        saveCheckpoint(outputDir, state, { seed: config.seed, config }),
        keepNewest(outputDir, config.checkpoints_total_limit),
      ),
    grid: ({ step, ema }, { show, stop }) => {
      const { shape, classes } = dataset
      const count = config.validation_num_images
      const finish = (samples: Float32Array): Effect =>
        pipe(
          TE.fromTask(look(samples, step)),
          TE.chainTaskK(() => pictured(dataset, samples)),
          TE.chainW((png) => inSequence(writeGrid(outputDir, step, png))),
        )
      return pipe(
        datasetConditions(dataset, count),
        TE.chainW((conditions) => {
          const drawing = {
            ...sampling,
            shape,
            classes,
            count,
            conditions,
            guidance: config.validation_guidance,
            seed: config.validation_seed,
          }
          const model = denoiser(ema)
          const evaluations = drawingEvaluations(model.parameterisation, drawing)
          const watched = counted(model, evaluations, ({ step: done, total }) => {
            show(done / total)
          })
          return drawn(stoppable(watched, stop), drawing)
        }),
        TE.matchEW((error): Effect => (stop() ? TE.right(undefined) : TE.left(error)), finish),
      )
    },
    close: ({ ema }) =>
      inSequence(
        writeModelFile(join(outputDir, 'model.onnx'), whole(ema)),
        ...Object.entries(files(ema)).map(([name, content]) => writeRunFile(outputDir, name, content)),
        report,
      ),
    report,
  }
}
