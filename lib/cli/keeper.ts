import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { keepNewest, saveCheckpoint } from '../checkpoint/index.js'
import { type Config, datasetFacts } from '../config/index.js'
import { rewindGrids, writeGrid, writeReport, writeRunFile } from '../report/run-folder.js'
import { type State, trainedModel, type Trainer } from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { drawing } from './grid.js'
import type { Recipe } from './recipe/index.js'

type Effect = TE.TaskEither<DerivaError, void>

/** What a run leaves in its folder. */
export type Keeper = {
  /** Before the first step after `state`: the configuration; what later steps of an earlier attempt left is cleared away. */
  readonly open: (state: State) => Effect
  readonly checkpoint: (state: State) => Effect
  readonly grid: (state: State) => Effect
  /** model.onnx and report.html. */
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
 * @example
 * declare const config: Config, recipe: Recipe<'flow_matching'>, compiled: Trainer<'flow_matching'>
 * const { checkpoint, grid } = keeper(config, recipe, compiled)
 */
export const keeper = <P extends Parameterisation>(
  config: Config,
  { sampling }: Pick<Recipe<P>, 'sampling'>,
  { model, denoiser }: Pick<Trainer<P>, 'model' | 'denoiser'>,
): Keeper => {
  const outputDir = config.output_dir
  const report = inSequence(writeReport(outputDir))
  return {
    open: ({ step }) =>
      inSequence(
        writeRunFile(outputDir, 'config.json', `${JSON.stringify(config, null, 2)}\n`),
        rewindGrids(outputDir, step),
      ),
    checkpoint: (state) =>
      inSequence(
        saveCheckpoint(outputDir, state, { seed: config.seed, config }),
        keepNewest(outputDir, config.checkpoints_total_limit),
      ),
    grid: ({ step, ema }) =>
      pipe(
        drawing(denoiser(ema), {
          ...sampling,
          ...datasetFacts[config.dataset],
          count: config.validation_num_images,
          guidance: config.validation_guidance,
          seed: config.validation_seed,
        }),
        TE.chainW((png) => inSequence(writeGrid(outputDir, step, png))),
      ),
    close: ({ ema }) => inSequence(writeRunFile(outputDir, 'model.onnx', trainedModel(model, ema)), report),
    report,
  }
}
