import { optionKeyOf, optionRowsOf } from './keys.js'

/** Flags as they were written: the text of each, or `true` where none followed. */
export type Flags = Readonly<Record<string, string | true>>

export type CommandLine = {
  /** What is not a flag or the value of one. */
  readonly positional: ReadonlyArray<string>
  readonly flags: Flags
}

/** Whether the word that follows a flag is its value: booleans take only what is one to them. */
const isValue = (name: string, word: string): boolean => {
  if (word.startsWith('--')) return false
  const rows = optionRowsOf(optionKeyOf(name) ?? '').map(({ row }) => row.kind)
  return (
    !rows.some(({ type }) => type.startsWith('boolean')) ||
    word === 'null' ||
    rows.some(({ parse }) => parse(word) !== word)
  )
}

/**
 * Reads `--key value`, `--key=value` and, for booleans, `--key`. A boolean takes the next word only if that is `true`,
 * `false`, `True`, `False` or `null`, so `--use_ema config.json` means what it seems to. The last of several wins. Nothing is checked
 * here but the form: `decodeConfig` checks keys and values.
 *
 * @param words what follows the command's name
 * @example
 * const { flags, positional } = parseFlags(['config.json', '--seed', '7', '--use_ema=false'])
 */
export const parseFlags = (words: ReadonlyArray<string>): CommandLine => {
  const positional: Array<string> = []
  const flags = new Map<string, string | true>()
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (!word.startsWith('--') || word === '--') {
      if (word !== '--') positional.push(word)
      continue
    }
    const equals = word.indexOf('=')
    if (equals >= 0) {
      flags.set(word.slice(2, equals), word.slice(equals + 1))
      continue
    }
    const name = word.slice(2)
    const next = words.at(i + 1)
    const taken = next !== undefined && isValue(name, next)
    flags.set(name, taken ? next : true)
    if (taken) i++
  }
  return { positional, flags: Object.fromEntries(flags) }
}
