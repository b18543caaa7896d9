import { constants } from 'node:os'
import { spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'

const root = join(import.meta.dirname, '../..')
const lib = join(root, 'lib')
const target = join(root, 'node_modules/.cache/deriva-spec')

/**
 * The sources as JavaScript, so that what is tested as a process is never an old build. Only files that changed are written, and
 * no types are checked: both for speed.
 *
 * @returns the path of the program
 */
export const builtProgram = (): string => {
  for (const entry of readdirSync(lib, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name)
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const out = join(target, 'lib', relative(lib, source)).replace(/\.ts$/, '.js')
    if (existsSync(out) && statSync(out).mtimeMs > statSync(source).mtimeMs) continue
    mkdirSync(dirname(out), { recursive: true })
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ES2022,
        verbatimModuleSyntax: true,
      },
    })
    writeFileSync(out, outputText)
  }
  copyFileSync(join(root, 'package.json'), join(target, 'package.json'))
  return join(target, 'lib/cli/main.js')
}

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string }

/**
 * Runs the program in a folder of its own.
 *
 * @param onOutput called with all of stderr so far, whenever there is more; may send signals
 */
export const deriva = (
  program: string,
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
