import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { configError } from '../config/index.js'
import { readRunConfig, writeReport } from '../report/run-folder.js'
import type { DerivaError } from '../types/index.js'
import type { ExitCode } from './outcome.js'
import type { Terminal } from './terminal.js'

/**
 * `deriva report`: writes a run's report.html again, from what its folder holds now.
 *
 * @returns 0 when it is written
 * @example
 * const outcome = reportCommand('runs/mnist', processTerminal)
 */
export const reportCommand = (folder: string, terminal: Terminal): TE.TaskEither<DerivaError, ExitCode> =>
  pipe(
    readRunConfig(folder),
    TE.mapLeft(({ message }): DerivaError =>
      configError([{ key: 'RUN', value: folder, allowed: `the folder of a run (${message})` }]),
    ),
    TE.chainW(() => writeReport(folder)),
    TE.map((path): ExitCode => {
      terminal.print(path)
      return 0
    }),
  )
