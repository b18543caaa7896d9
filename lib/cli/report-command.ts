import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { configError } from '../config/index.js'
import { readRunConfig, writeComparison, writeReport } from '../report/run-folder.js'
import type { DerivaError } from '../types/index.js'
import type { ExitCode } from './outcome.js'
import type { ReportOptions } from './report-options.js'
import type { Terminal } from './terminal.js'

const refuse = (key: string, value: unknown, allowed: string): DerivaError =>
  configError([{ key, value, allowed }])

/** That a folder is the folder of a run. */
const checked = (folder: string): TE.TaskEither<DerivaError, void> =>
  pipe(
    readRunConfig(folder),
    TE.bimap(
      ({ message }) => refuse('RUN', folder, `the folder of a run (${message})`),
      () => undefined,
    ),
  )

/**
 * `deriva report`: writes a run's report.html again, from what its folder holds now; of several runs, a page that compares them.
 *
 * @param folders one or more
 * @returns 0 when it is written
 * @example
 * const outcome = reportCommand(['runs/a', 'runs/b'], { out: 'compare.html' }, processTerminal)
 */
export const reportCommand = (
  folders: ReadonlyArray<string>,
  { out }: ReportOptions,
  terminal: Terminal,
): TE.TaskEither<DerivaError, ExitCode> =>
  pipe(
    TE.traverseSeqArray(checked)(folders),
    TE.chain((): TE.TaskEither<DerivaError, string> => {
      const [folder] = folders
      if (folders.length > 1) return writeComparison(folders, out ?? 'compare.html')
      return out === undefined
        ? writeReport(folder)
        : TE.left(
            refuse('--out', out, 'given with two or more runs: one alone has report.html in its folder'),
          )
    }),
    TE.map((path): ExitCode => {
      terminal.print(path)
      return 0
    }),
  )
