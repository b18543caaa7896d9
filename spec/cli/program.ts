import { constants } from 'node:os'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { builtLibrary } from '../built.js'

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string }

/** The file of the program. */
export const program = join(await builtLibrary(), 'cli/main.js')

/**
 * Runs the program as a process, in a folder of its own.
 *
 * @param onOutput called with all of stderr so far, whenever there is more; may send signals
 */
export const deriva = (
  words: ReadonlyArray<string>,
  cwd: string,
  onOutput: (err: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...words], { cwd })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
      onOutput(err, (signal) => {
        child.kill(signal)
      })
    })
    child.on('error', reject)
    child.on('close', (exitCode, signal) => {
      // As shells count: a process that a signal ended has 128 + its number.
      const code = signal === null ? exitCode : 128 + constants.signals[signal]
      resolve({ code, out, err })
    })
  })
