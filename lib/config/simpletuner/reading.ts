import { readText } from '../given.js'
import { optionKeyOf } from '../keys.js'
import { simpleTunerDefaults } from './defaults.js'
import { foreignReason } from './foreign.js'
import { type Said, translations } from './translations.js'

/** A configuration file in the terms of the options here, and what there is to tell about how it was read. */
export type Reading = { readonly json: unknown; readonly notes: ReadonlyArray<string> }

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)

/** A key as options are called: without dashes, by its name here. */
const nameOf = (written: string): string => {
  const name = written.replace(/^--/, '')
  return optionKeyOf(name) ?? name
}

/** Keys that every configuration of SimpleTuner has, and none of deriva's. */
const signature = ['model_family', 'data_backend_config']

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
    const value = written.startsWith('--') && typeof given === 'string' ? readText(name, given) : given
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
    const reason = foreignReason(key)
    if (reason !== undefined) reasons.set(reason, [...(reasons.get(reason) ?? []), key])
  }
  return [...reasons].map(([reason, keys]) => `Not used here (${reason}): ${keys.join(', ')}.`)
}

const translated = (said: Said): { readonly said: Said; readonly notes: ReadonlyArray<string> } =>
  translations.reduce<{ readonly said: Said; readonly notes: ReadonlyArray<string> }>(
    (before, translation) => {
      const { set = {}, drop = [], note } = translation(before.said)
      const kept = [...before.said].filter(([key]) => !drop.includes(key))
      const added = Object.entries(set).map(([key, value]): readonly [string, unknown] =>
        key.startsWith('--') ? [key.slice(2), readText(key.slice(2), String(value))] : [key, value],
      )
      return {
        said: new Map([...kept, ...added]),
        notes: note === undefined ? before.notes : [...before.notes, note],
      }
    },
    { said, notes: [] },
  )

/** SimpleTuner runs a ramp from `prob_start or probability`, so that its own recommended one goes backwards from 1. */
const rampNotes = (said: Said): ReadonlyArray<string> => {
  const number = (key: string, standard: number): number =>
    Number(said.get(`scheduled_sampling_${key}`) ?? standard)
  const [start, probability, end] = [
    number('prob_start', 0),
    number('probability', 0),
    number('prob_end', 0.5),
  ]
  return number('max_step_offset', 0) > 0 && number('ramp_steps', 0) > 0 && start === 0 && probability > 0
    ? [
        `The ramp goes from scheduled_sampling_prob_start ${start} to scheduled_sampling_prob_end ${end}, as documented. SimpleTuner takes 0 for "not given" and runs it from scheduled_sampling_probability ${probability} to ${end}.`,
      ]
    : []
}

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/**
 * Reads a configuration that is recognisably SimpleTuner's: keys that mean the same are taken, its names are translated, its defaults
 * hold where they differ, and what has no meaning here is listed with the reason. Any other file is left as it is.
 *
 * @returns what `decodeConfig` takes; it still refuses what is unknown to both, and what cannot be
 * @example
 * const { json, notes } = readSimpleTuner({ model_family: 'flux', optimizer: 'adamw_bf16', report_to: 'wandb' })
 */
export const readSimpleTuner = (json: unknown): Reading => {
  if (!isRecord(json) || !isSimpleTuner(json)) return { json, notes: [] }
  const { said, twins } = saidBy(json)
  const { said: meant, notes } = translated(said)
  const known = [...meant].filter(([key]) => foreignReason(key) === undefined)
  const assumed = simpleTunerDefaults(new Map(known))
  const defaults = Object.entries(assumed).map(([key, value]) => `${key} ${show(value)}`)
  return {
    json: Object.fromEntries([...known, ...Object.entries(assumed), ...twins]),
    notes: [
      'This is a configuration of SimpleTuner: what it trains on and the model are chosen by the options here.',
      ...notes,
      ...rampNotes(said),
      ...(defaults.length === 0
        ? []
        : [`SimpleTuner's defaults hold for what the file does not say: ${defaults.join(', ')}.`]),
      ...foreignNotes(said),
    ],
  }
}
