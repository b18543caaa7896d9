import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { configError } from '../../config/index.js'
import { bind } from '../../onnx/index.js'
import type { DerivaError } from '../../types/index.js'
import { readModelFile } from '../materials.js'
import type { ExitCode } from '../outcome.js'
import type { Terminal } from '../terminal.js'
import type { InspectOptions } from './inspect-options.js'
import { inspection } from './inspection.js'
import { inspectionText } from './inspection-text.js'

/** Lengths as they were written; the batch stays open. */
const lengths = (
  dims: Readonly<Record<string, string>>,
): TE.TaskEither<DerivaError, Readonly<Record<string, number>>> => {
  const read = Object.entries(dims).map(([name, text]) => [name, Number(text)] as const)
  const wrong = read.find(([, length]) => !(Number.isSafeInteger(length) && length > 0))
  return wrong === undefined
    ? TE.right(Object.fromEntries(read))
    : TE.left(
        configError([
          { key: '--dims', value: dims[wrong[0]], allowed: 'whole numbers from 1, such as height=64' },
        ]),
      )
}

/**
 * `deriva inspect`: what an ONNX model is, and whether and at what cost it can be trained.
 *
 * @param path of the file
 * @returns 0 where it could be read, whether it can be trained or not
 * @example
 * const outcome = inspectCommand('unet.onnx', { json: true }, processTerminal)
 */
export const inspectCommand = (
  path: string,
  { dims = {}, json = false }: InspectOptions,
  terminal: Terminal,
): TE.TaskEither<DerivaError, ExitCode> =>
  pipe(
    TE.Do,
    TE.bind('numbers', () => lengths(dims)),
    TE.bind('graph', () => readModelFile('MODEL', path)),
    TE.map(({ numbers, graph }): ExitCode => {
      const found = inspection(path, bind(graph, numbers))
      terminal.print(json ? JSON.stringify(found, null, 2) : inspectionText(found))
      return 0
    }),
  )
