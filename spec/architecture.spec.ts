import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** The rooms from the ground up: a room may import from rows below its own. */
const rows = [
  ['types'],
  ['algebra', 'random'],
  ['path', 'onnx'],
  ['autodiff', 'solver'],
  ['engine', 'model', 'laws'],
  ['rollout', 'loss', 'lora'],
  ['train', 'measure'],
  ['config', 'checkpoint'],
  ['stream'],
  ['report', 'data'],
  ['cli'],
] as const

/** What only some rooms may import. */
const reserved: ReadonlyArray<readonly [RegExp, ReadonlyArray<string>]> = [
  [/^onnxruntime-node$/, ['engine']],
  [/^rxjs/, ['stream', 'report', 'data', 'cli']],
  // The engine looks which devices there are, which are files on Linux.
  [/^node:fs/, ['checkpoint', 'data', 'report', 'cli', 'engine']],
  [/^(commander|cli-progress)$/, ['cli']],
  [/^fast-check$/, ['laws']],
]

const lib = join(import.meta.dirname, '../lib')

const sources = readdirSync(lib, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return { file: relative(lib, path), text: readFileSync(path, 'utf8') }
  })
  .filter(({ file }) => !file.includes('proto/'))

const roomOf = (file: string): string => file.split('/')[0]
const level = (room: string): number => rows.findIndex((row) => (row as ReadonlyArray<string>).includes(room))
const importsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^(?:import|export)[^'"]*?from '([^']+)'|import\('([^']+)'\)/gm)].map(
    ([, a, b]) => a || b,
  )

/** Types are not loaded. */
const staticImport = /^(?:import|export) (?!type )(?:[^'"]*? from )?'([^']+)'/gm

describe('the architecture', () => {
  it.each(sources.filter(({ file }) => file.includes('/')))(
    '$file imports only from rooms below its own',
    ({ file, text }) => {
      const room = roomOf(file)
      expect(level(room), `room ${room} has no row`).toBeGreaterThanOrEqual(0)
      const above = importsOf(text).flatMap((specifier) => {
        if (!specifier.startsWith('.')) return []
        const target = roomOf(relative(lib, join(lib, file, '..', specifier)))
        return target !== room && level(target) >= level(room) ? [target] : []
      })
      expect(above).toEqual([])
    },
  )

  it.each(sources)('$file leaves effects to the rooms that may have them', ({ file, text }) => {
    const room = roomOf(file)
    for (const specifier of importsOf(text))
      for (const [pattern, rooms] of reserved) if (pattern.test(specifier)) expect(rooms).toContain(room)
    if (room !== 'cli')
      expect(text.replace(/^\s*(?:\*|\/\/|\/\*).*$/gm, '')).not.toMatch(
        /\bconsole\.|\bprocess\.(argv|stdout|stderr|exit|on)\b/,
      )
  })

  it.each(sources)('$file can be read in one sitting', ({ text }) => {
    expect(text.split('\n').length).toBeLessThanOrEqual(300)
  })

  it('answers --help, and refuses options, before graphs, streams and ONNX Runtime are loaded', () => {
    const loaded = (files: ReadonlyArray<string>, known: ReadonlySet<string>): ReadonlySet<string> => {
      const found = files.flatMap((file) =>
        [...(sources.find((source) => source.file === file)?.text ?? '').matchAll(staticImport)].map(
          ([, specifier]) =>
            specifier.startsWith('.')
              ? relative(lib, resolve(lib, file, '..', specifier)).replace(/\.js$/, '.ts')
              : specifier,
        ),
      )
      const fresh = [...new Set(found)].filter((file) => !known.has(file))
      return fresh.length === 0 ? known : loaded(fresh, new Set([...known, ...fresh]))
    }
    const first = [...loaded(['cli/main.ts'], new Set())]
    expect(first).toContain('config/decode.ts')
    expect(first.filter((file) => /^(onnx|stream|data)\//.test(file))).toEqual([])
    const packages = first.filter((file) => !file.endsWith('.ts') && !/^(fp-ts|node:)/.test(file))
    expect(packages.sort()).toEqual(['commander', 'io-ts'])
  })
})
