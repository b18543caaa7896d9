import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

/** Every exported function shows how it is used, and what it shows compiles; so does every code block of README and docs. */

const root = join(import.meta.dirname, '..')
const lib = join(root, 'lib')

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
  readonly config: unknown
}
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)

type Example = { readonly at: string; readonly room: string; readonly code: string }

const filesUnder = (folder: string, extension: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
        .map((entry) => join(entry.parentPath, entry.name))
    : []

const sourceFiles = filesUnder(lib, '.ts').filter(
  (path) => !path.includes('/proto/') && !path.endsWith('/index.ts'),
)

const isExported = (node: ts.HasModifiers): boolean =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false

/** Exported functions of a file: name and documentation. Constants count when their value is written as a function. */
const functionsOf = (
  path: string,
): ReadonlyArray<{ readonly name: string; readonly example: string | undefined }> => {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true)
  const exampleOf = (node: ts.Node): string | undefined =>
    ts
      .getJSDocTags(node)
      .filter(({ tagName }) => tagName.text === 'example')
      .map(({ comment }) => (typeof comment === 'string' ? comment : ts.getTextOfJSDocComment(comment)))
      .at(0)
  return file.statements.flatMap((statement) => {
    if (ts.isFunctionDeclaration(statement) && isExported(statement))
      return [{ name: statement.name?.text ?? 'default', example: exampleOf(statement) }]
    if (ts.isVariableStatement(statement) && isExported(statement))
      return statement.declarationList.declarations
        .filter(({ initializer }) => initializer !== undefined && ts.isArrowFunction(initializer))
        .map(({ name }) => ({ name: name.getText(), example: exampleOf(statement) }))
    return []
  })
}

const documented = sourceFiles.map((path) => ({
  file: relative(root, path),
  path,
  functions: functionsOf(path),
}))

const roomOf = (path: string): string => relative(lib, path).split('/')[0] ?? ''

const fromSource: ReadonlyArray<Example> = documented.flatMap(({ file, path, functions }) =>
  functions.flatMap(({ name, example }) =>
    example === undefined ? [] : [{ at: `${file} ${name}`, room: roomOf(path), code: example }],
  ),
)

const fromDocs: ReadonlyArray<Example> = [join(root, 'README.md'), ...filesUnder(join(root, 'docs'), '.md')]
  .filter((path) => existsSync(path))
  .flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = ''], i) => ({
      at: `${relative(root, path)} block ${i + 1}`,
      room: '',
      code,
    })),
  )

/** Where names are to be had: for everybody from rooms, within a room also from its files. */
type Names = {
  readonly rooms: ReadonlyMap<string, ReadonlyArray<string>>
  readonly within: ReadonlyMap<string, ReadonlyMap<string, string>>
}

const exportsByName = (program: ts.Program): Names => {
  const checker = program.getTypeChecker()
  const exportsOf = (path: string): ReadonlyArray<string> => {
    const file = program.getSourceFile(path)
    const symbol = file && checker.getSymbolAtLocation(file)
    return symbol === undefined ? [] : checker.getExportsOfModule(symbol).map(({ name }) => name)
  }
  const rooms = new Map<string, ReadonlyArray<string>>()
  for (const room of readdirSync(lib, { withFileTypes: true }).filter((e) => e.isDirectory()))
    for (const name of exportsOf(join(lib, room.name, 'index.ts')))
      rooms.set(name, [...(rooms.get(name) ?? []), room.name])
  const within = new Map<string, Map<string, string>>()
  for (const path of sourceFiles) {
    const room = within.get(roomOf(path)) ?? new Map<string, string>()
    for (const name of exportsOf(path)) room.set(name, `./${relative(root, path).replace(/ts$/, 'js')}`)
    within.set(roomOf(path), room)
  }
  return { rooms, within }
}

const outside: Readonly<Record<string, string | undefined>> = {
  pipe: "import { pipe } from 'fp-ts/lib/function.js'",
  E: "import * as E from 'fp-ts/lib/Either.js'",
  TE: "import * as TE from 'fp-ts/lib/TaskEither.js'",
  O: "import * as O from 'fp-ts/lib/Option.js'",
  concatAll: "import { concatAll } from 'fp-ts/lib/Monoid.js'",
  tap: "import { tap } from 'rxjs'",
  map: "import { map } from 'rxjs'",
  take: "import { take } from 'rxjs'",
  Worker: "import { Worker } from 'node:worker_threads'",
  Observable: "import { Observable } from 'rxjs'",
  fc: "import fc from 'fast-check'",
}

/** Adds the imports that a reader would: names of the example's own room first. */
const withImports = ({ room, code }: Example, names: Names): string => {
  if (/^import /m.test(code)) return code
  const own = new Set([
    ...[...code.matchAll(/\b(?:const|let|function|type|class)\s+([\w$]+)/g)].map(([, name]) => name),
    // Names taken out of an object or an array, under their new name where they get one.
    ...[...code.matchAll(/\b(?:const|let)\s*[{[]([^}\]]*)[}\]]/g)].flatMap(([, names]) =>
      [...names.matchAll(/([\w$]+)\s*(?=,|=|$)/g)].map(([, name]) => name),
    ),
  ])
  const declared = new Set([...code.matchAll(/(?:declare const|,)\s*([\w$]+)\s*:/g)].map(([, name]) => name))
  const used = new Set([...code.matchAll(/(?<![.\w$'])[A-Za-z_$][\w$]*/g)].map(([name]) => name))
  const imports = [...used].flatMap((name) => {
    if (own.has(name) || declared.has(name)) return []
    const rooms = names.rooms.get(name)
    const file = names.within.get(room)?.get(name)
    if (file !== undefined && !rooms?.includes(room)) return [`import { ${name} } from '${file}'`]
    if (rooms !== undefined)
      return [`import { ${name} } from 'deriva/${rooms.includes(room) ? room : rooms[0]}'`]
    const statement = outside[name]
    return statement === undefined ? [] : [statement]
  })
  return `${imports.join('\n')}\n${code}\nexport {}\n`
}

const compile = (examples: ReadonlyArray<Example>): ReadonlyMap<string, string> => {
  const settings: ts.CompilerOptions = {
    ...options,
    noEmit: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
    incremental: false,
  }
  const rooms = filesUnder(lib, 'index.ts')
  const names = exportsByName(ts.createProgram([...rooms, ...sourceFiles], settings))
  const virtual = new Map(examples.map((example, i) => [join(root, `example-${i}.ts`), example]))
  const host = ts.createCompilerHost(settings)
  const texts = new Map([...virtual].map(([path, example]) => [path, withImports(example, names)]))
  const program = ts.createProgram([...texts.keys()], settings, {
    ...host,
    fileExists: (path) => texts.has(path) || host.fileExists(path),
    readFile: (path) => texts.get(path) ?? host.readFile(path),
    getSourceFile: (path, language, ...rest) => {
      const text = texts.get(path)
      return text === undefined
        ? host.getSourceFile(path, language, ...rest)
        : ts.createSourceFile(path, text, language)
    },
  })
  return new Map(
    [...virtual].map(([path, { at }]) => [
      at,
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(path))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
        .concat([])
        .join('\n'),
    ]),
  )
}

describe('examples', () => {
  it.each(documented.filter(({ functions }) => functions.length > 0))(
    '$file shows how each function is used',
    ({ functions }) => {
      expect(functions.filter(({ example }) => example === undefined).map(({ name }) => name)).toEqual([])
    },
  )

  const problems = compile([...fromSource, ...fromDocs])
  it.each([...problems.keys()])('%s compiles', (at) => {
    expect(problems.get(at)).toBe('')
  })
})
