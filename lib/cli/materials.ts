import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Config, configError, type ConfigError, datasetProblems } from '../config/index.js'
import { type Dataset, externalIn, openDataset } from '../data/index.js'
import { decode, type Graph } from '../onnx/index.js'
import { type DerivaError, reasonOf } from '../types/index.js'
import type { Materials } from './recipe/index.js'

/** What a run is made of that lies outside its configuration, opened. */
export type OpenMaterials = Materials & { readonly dataset: Dataset }

/**
 * Reads an ONNX file.
 *
 * @param key of the option or argument that names it, for messages
 * @returns Left `ConfigError` where there is no such file, `GraphError` where it cannot be understood
 * @example
 * const graph = readModelFile('model.path', 'unet.onnx')
 */
export const readModelFile = (key: string, path: string): TE.TaskEither<DerivaError, Graph> =>
  pipe(
    TE.tryCatch(
      () => readFile(path),
      (cause): DerivaError =>
        configError([
          {
            key,
            value: path,
            allowed: `an ONNX file that can be read (${reasonOf(cause)})`,
          },
        ]),
    ),
    // What is stored beside the file belongs to it.
    TE.chainEitherKW((bytes) =>
      pipe(
        decode(bytes, { external: externalIn(dirname(path)) }),
        E.mapLeft((error) => ({ ...error, message: `${path}: ${error.message}` })),
      ),
    ),
  )

const fitting = (config: Config, dataset: Dataset): E.Either<ConfigError, Dataset> => {
  const problems = datasetProblems(config, dataset)
  return problems.length === 0 ? E.right(dataset) : E.left(configError(problems))
}

/**
 * Opens the dataset and the model file that a configuration names, and checks what could not be checked before.
 *
 * @returns Left `ConfigError` where a file is not there, or the dataset does not fit the options; `DataError` or `GraphError` where a file is
 *   malformed
 * @example
 * declare const config: Config
 * const materials = openMaterials(config)
 */
export const openMaterials = (config: Config): TE.TaskEither<DerivaError, OpenMaterials> => {
  const { model } = config
  return pipe(
    TE.Do,
    TE.bind('dataset', () =>
      pipe(
        openDataset(config),
        TE.chainEitherKW((dataset) => fitting(config, dataset)),
      ),
    ),
    TE.bindW('graph', () =>
      model.type === 'onnx' && model.path !== null
        ? readModelFile('model.path', model.path)
        : TE.right(undefined),
    ),
  )
}
