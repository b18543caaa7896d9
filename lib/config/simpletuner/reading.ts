import type { ConfigProblem } from '../../types/index.js'
import type { Flags } from '../flags.js'
import { readText } from '../given.js'
import { optionKeyOf } from '../keys.js'
import { simpleTunerDefaults } from './defaults.js'
import { foreignReason } from './foreign.js'
import { type Said, translations } from './translations.js'

/** A configuration file in the terms of the options here. */
export type Reading = {
  readonly json: unknown
  /** What there is to tell about how it was read. */
  readonly notes: ReadonlyArray<string>
  /** What it would have to say and does not: with any of them there is no configuration. */
  readonly problems: ReadonlyArray<ConfigProblem>
}

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)

/** A key as options are called: without dashes, by its name here. */
const nameOf = (written: string): string => {
  const name = written.replace(/^--/, '')
  return optionKeyOf(name) ?? name
}

/** No option, and yet of use: it says what the model predicts. */
const family = 'model_family'

/** Keys that every configuration of SimpleTuner has, and none of deriva's. */
const signature = [family, 'data_backend_config']

/**
 * Whether a configuration is one of SimpleTuner's.
 *
 * @example
 * const answer = isSimpleTuner({ '--model_family': 'flux' }) // true
 */
export const isSimpleTuner = (json: unknown): boolean =>
  isRecord(json) && Object.keys(json).some((written) => signature.includes(nameOf(written)))

/** What the file says, by name; null says nothing, as there. Keys that are twins with one value are one. */
const saidBy = (
  json: Readonly<Record<string, unknown>>,
): { readonly said: Said; readonly twins: ReadonlyArray<readonly [string, unknown]> } => {
  const said = new Map<string, unknown>()
  const twins: Array<readonly [string, unknown]> = []
  for (const [written, given] of Object.entries(json)) {
    const name = nameOf(written)
    // All of them are arguments there, with dashes or without: texts mean what they would mean on the command line.
    const value = typeof given === 'string' ? readText(name, given) : given
    if (value === null) continue
    // Kept under another spelling of its key, for decoding to refuse.
    if (said.has(name) && said.get(name) !== value) twins.push([`--${written.replace(/^--/, '')}`, given])
    else said.set(name, value)
  }
  return { said, twins }
}

/** The keys that mean nothing here, together by reason. */
const foreignNotes = (said: Said): ReadonlyArray<string> => {
  const reasons = new Map<string, ReadonlyArray<string>>()
  for (const key of said.keys()) {
    const reason = key === family ? undefined : foreignReason(key)
    if (reason !== undefined) reasons.set(reason, [...(reasons.get(reason) ?? []), key])
  }
  const lines = [...reasons].map(([reason, keys]) => `\n  ${keys.join(', ')}: ${reason}`)
  return lines.length === 0 ? [] : [`Not used here:${lines.join('')}`]
}

type Translated = Pick<Reading, 'notes' | 'problems'> & { readonly said: Said }

const translated = (said: Said, flagged: ReadonlySet<string>): Translated =>
  translations.reduce<Translated>(
    (before, translation) => {
      const { set = {}, drop = [], note, problem } = translation(before.said, flagged)
      const kept = [...before.said].filter(([key]) => !drop.includes(key))
      const added = Object.entries(set).map(([key, value]): readonly [string, unknown] =>
        key.startsWith('--') ? [key.slice(2), readText(key.slice(2), String(value))] : [key, value],
      )
      return {
        said: new Map([...kept, ...added]),
        notes: note === undefined ? before.notes : [...before.notes, note],
        problems: problem === undefined ? before.problems : [...before.problems, problem],
      }
    },
    { said, notes: [], problems: [] },
  )

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/**
 * Reads a configuration that is recognisably SimpleTuner's: keys that mean the same are taken, its names are translated, its defaults
 * hold where they differ, and what has no meaning here is listed with the reason. Any other file is left as it is.
 *
 * @param flags of the command line, which override the file: what it says beside them is read in their light
 * @returns what `decodeConfig` takes together with the flags; it still refuses what is unknown to both, and what cannot be
 * @example
 * const { json, notes, problems } = readSimpleTuner({ model_family: 'flux', optimizer: 'adamw_bf16', report_to: 'wandb' })
 */
export const readSimpleTuner = (json: unknown, flags: Flags = {}): Reading => {
  if (!isRecord(json) || !isSimpleTuner(json)) return { json, notes: [], problems: [] }
  const { said, twins } = saidBy(json)
  const overriding = Object.entries(flags).map(([written, value]): readonly [string, unknown] => {
    const name = nameOf(written)
    return [name, typeof value === 'string' ? readText(name, value) : value]
  })
  const flagged = new Set(overriding.map(([name]) => name))
  const { said: meant, notes, problems } = translated(new Map([...said, ...overriding]), flagged)
  const assumed = simpleTunerDefaults(meant)
  const defaults = Object.entries(assumed).map(([key, value]) => `${key} ${show(value)}`)
  const own = [...meant].filter(([key]) => !flagged.has(key))
  return {
    json: Object.fromEntries([
      ...own.filter(([key]) => foreignReason(key) === undefined),
      ...Object.entries(assumed),
      ...twins,
    ]),
    notes: [
      'This is a configuration of SimpleTuner: what it trains on and the model are chosen by the options here.',
      ...notes,
      ...(defaults.length === 0
        ? []
        : [`SimpleTuner's defaults hold for what the file does not say: ${defaults.join(', ')}.`]),
      ...foreignNotes(new Map(own)),
    ],
    problems,
  }
}
