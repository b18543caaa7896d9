import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { onDisk } from '../checkpoint/index.js'
import { type Config, configError } from '../config/index.js'
import { readRunConfig } from '../report/run-folder.js'
import type { DerivaError } from '../types/index.js'

/** What a finished run leaves for others to work with. */
export type RunModel = {
  readonly config: Config
  /** The bytes of model.onnx. */
  readonly model: Uint8Array
}

/**
 * A run's configuration and its model's bytes.
 *
 * @returns Left `ConfigError` where the folder is not that of a run with a model
 * @example
 * const run = readRun('runs/mnist')
 */
export const readRun = (folder: string): TE.TaskEither<DerivaError, RunModel> =>
  pipe(
    TE.Do,
    TE.bind('config', () => readRunConfig(folder)),
    TE.bind('model', () => {
      const path = join(folder, 'model.onnx')
      return onDisk(path, () => readFile(path))
    }),
    TE.mapLeft(({ message }) =>
      configError([
        { key: 'RUN', value: folder, allowed: `the folder of a run that has its model.onnx (${message})` },
      ]),
    ),
  )
