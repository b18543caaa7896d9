import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = join(import.meta.dirname, '..')
const lib = join(root, 'lib')
const target = join(root, 'node_modules/.cache/deriva-spec')

const filesIn = (folder: string, extension: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
        .map((entry) => join(entry.parentPath, entry.name))
    : []

/**
 * The library as JavaScript, which is how users run it: threads and processes start from the same files as what they are tested by, and
 * Node loads it several times as fast as Vite would. Only files that have changed are written, and no types are checked: both for speed.
 * It is looked at once, when the tests start: who watches them sees changes of specs, and has to start again after others.
 *
 * @returns the folder that stands for lib/
 */
export const builtLibrary = async (): Promise<string> => {
  const built = join(target, 'lib')
  const outputs = new Map(
    filesIn(lib, '.ts').map((source) => [join(built, relative(lib, source)).replace(/\.ts$/, '.js'), source]),
  )
  for (const left of filesIn(built, '.js')) if (!outputs.has(left)) rmSync(left)
  const stale = [...outputs].filter(
    ([out, source]) => !existsSync(out) || statSync(out).mtimeMs <= statSync(source).mtimeMs,
  )
  if (stale.length === 0) return built
  const { default: ts } = await import('typescript')
  for (const [out, source] of stale) {
    mkdirSync(dirname(out), { recursive: true })
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      fileName: source,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ES2022,
        verbatimModuleSyntax: true,
        inlineSourceMap: true,
      },
    })
    writeFileSync(out, outputText)
  }
  // The version, and that these are modules.
  copyFileSync(join(root, 'package.json'), join(target, 'package.json'))
  return built
}
