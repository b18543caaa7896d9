import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { checkpointError } from '../checkpoint/index.js'
import { type Config, configError, type DatasetFacts } from '../config/index.js'
import { readModelFile } from '../data/index.js'
import type { Engine } from '../engine/index.js'
import { draft, type Encodable, type Graph } from '../onnx/index.js'
import { readDatasetFacts } from '../report/dataset-file.js'
import { readRunConfig } from '../report/run-folder.js'
import type { Denoiser } from '../rollout/index.js'
import { sessionDenoiser } from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { modelOf, settled } from './recipe/index.js'

/** What a finished run leaves for others to work with. */
export type RunModel = {
  /** Settled with the dataset. */
  readonly config: Config
  /** model.onnx */
  readonly graph: Graph
  /** What the model was trained on. */
  readonly dataset: DatasetFacts
}

/**
 * A run's configuration, the description of its dataset and its model.
 *
 * @returns Left `ConfigError` where the folder is not that of a run with a model
 * @example
 * const run = readRun('runs/mnist')
 */
export const readRun = (folder: string): TE.TaskEither<DerivaError, RunModel> =>
  pipe(
    TE.Do,
    TE.bind('config', () => readRunConfig(folder)),
    TE.bind('dataset', () =>
      pipe(
        readDatasetFacts(folder),
        TE.filterOrElse(
          (facts): facts is DatasetFacts => facts !== undefined,
          () => checkpointError(folder, 'it has no dataset.json'),
        ),
      ),
    ),
    TE.bindW('graph', () => readModelFile(join(folder, 'model.onnx'))),
    TE.map(({ config, dataset, graph }) => ({ config: settled(config, dataset), dataset, graph })),
    TE.mapLeft(({ message }) =>
      configError([
        { key: 'RUN', value: folder, allowed: `the folder of a run that has its model.onnx (${message})` },
      ]),
    ),
  )

/** The graph whose inputs are named as every part of deriva feeds them: a model of the user keeps its own names in model.onnx. */
const feedable = ({ config, graph, dataset }: RunModel): E.Either<DerivaError, Encodable> =>
  config.model.type !== 'onnx'
    ? E.right({ ...graph, parameters: 'initializers' })
    : pipe(
        modelOf(config, { dataset, graph }, config.prediction_type),
        E.map(({ prediction }) => ({ outputs: { prediction }, parameters: 'initializers' })),
      )

/**
 * The denoiser of a run: its model.onnx, compiled.
 *
 * @returns Left `EngineError` when ONNX Runtime refuses the file
 * @example
 * declare const run: RunModel
 * const denoiser = runDenoiser(run, openEngine())
 */
export const runDenoiser = (
  run: RunModel,
  engine: Engine,
): TE.TaskEither<DerivaError, Denoiser<Parameterisation>> =>
  pipe(
    TE.fromEither(feedable(run)),
    TE.chainW((graph) => engine.open(draft(graph), { name: 'model.onnx' })),
    TE.map((session) =>
      sessionDenoiser(
        session,
        { parameterisation: run.config.prediction_type, sample: run.dataset.shape },
        {},
      ),
    ),
  )
