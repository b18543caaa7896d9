import { type KeyRows, optionKeys, type OptionRow } from './keys.js'
import { optionGroups } from './option.js'

const fallbackText = ({ fallback }: OptionRow): string =>
  'text' in fallback ? fallback.text : JSON.stringify(fallback.value)

const sections = (): ReadonlyArray<{ readonly group: string; readonly entries: ReadonlyArray<KeyRows> }> =>
  optionGroups.map((group) => ({
    group,
    entries: optionKeys.filter(({ rows }) => rows.some(({ row }) => row.group === group)),
  }))

/** Breaks text at spaces into lines of at most `width` characters; longer words keep their length. */
const wrap = (text: string, width: number): ReadonlyArray<string> =>
  text.split(' ').reduce<ReadonlyArray<string>>((lines, word) => {
    const last = lines.at(-1)
    return last !== undefined && last.length + 1 + word.length <= width
      ? [...lines.slice(0, -1), `${last} ${word}`]
      : [...lines, word]
  }, [])

/**
 * The options as a help text: flag, type, meaning, what is allowed, default, and other optionSpellings.
 *
 * @param width columns of the terminal
 * @example
 * const text = optionsHelp(100)
 */
export const optionsHelp = (width: number): string => {
  const indent = 6
  const describe = ({ key, rows }: KeyRows): ReadonlyArray<string> => {
    const boolean = rows.every(({ row }) => row.kind.type.startsWith('boolean'))
    const aliases = [...new Set(rows.flatMap(({ row }) => row.aliases))]
    return [
      `  --${key} ${boolean ? '[true|false]' : `<${rows[0]?.row.kind.type ?? ''}>`}`,
      ...rows
        .flatMap(({ only, row }) => {
          const owner = only === undefined ? '' : `(${only}) `
          const allowed = row.kind.type === 'boolean' ? '' : `${row.kind.allowed}; `
          const tail = `[${allowed}default: ${fallbackText(row)}]`
          return wrap(`${owner}${row.meaning} ${tail}`, Math.max(40, width) - indent)
        })
        .map((line) => ' '.repeat(indent) + line),
      ...(aliases.length === 0
        ? []
        : [`${' '.repeat(indent)}Also: ${aliases.map((alias) => `--${alias}`).join(', ')}`]),
    ]
  }
  return sections()
    .map(({ group, entries }) => [`${group}:`, ...entries.flatMap(describe)].join('\n'))
    .join('\n\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

/**
 * The options as a Markdown document: docs/options.md is this text.
 *
 * @example
 * const document = optionsDocument()
 */
export const optionsDocument = (): string => {
  const line = ({ key, rows }: KeyRows): ReadonlyArray<string> =>
    rows.map(({ only, row }) => {
      const also =
        row.aliases.length === 0 ? '' : ` (also ${row.aliases.map((alias) => `\`${alias}\``).join(', ')})`
      const owner = only === undefined ? '' : ` of \`${only}\``
      const fallback = 'text' in row.fallback ? row.fallback.text : `\`${fallbackText(row)}\``
      return `| \`${key}\`${owner}${also} | ${cell(row.kind.allowed)} | ${cell(fallback)} | ${cell(row.meaning)} |`
    })
  return [
    '# Options',
    '',
    'Every option of `deriva train`. In config.json an option is a key; on the command line it is a flag, `--key value` or',
    '`--key=value`, and a boolean flag without a value means `true`. Flags override the file. The options of the model are an',
    'object in the file, `"model": { "type": "dit", "width": 128 }`, and `--model.width 128` on the command line.',
    '',
    'Unknown keys, values that are not allowed and combinations that cannot be are each reported, and nothing is written.',
    'Where SimpleTuner has an option, it has the same name here; 0 means 0.',
    ...sections().flatMap(({ group, entries }) => [
      '',
      `## ${group}`,
      '',
      '| Option | Allowed | Default | Meaning |',
      '| --- | --- | --- | --- |',
      ...entries.flatMap(line),
    ]),
    '',
  ].join('\n')
}
