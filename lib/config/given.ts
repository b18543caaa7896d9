import type { ConfigProblem } from '../types/index.js'
import type { Flags } from './flags.js'
import { optionKeyOf, optionRowsOf, optionSpellings } from './keys.js'
import { foreignReason } from './simpletuner/foreign.js'
import { suggestion } from './suggestion.js'

/** A value that somebody wrote, with the key as they wrote it. */
export type GivenValue = { readonly written: string; readonly value: unknown }

export type GivenOptions = {
  readonly given: ReadonlyMap<string, GivenValue>
  readonly problems: ReadonlyArray<ConfigProblem>
}

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)

/** The keys and values of a file, those of `model` as `model.key`. A key written `--key` is a flag, and so is its value. */
const entriesOf = (json: Readonly<Record<string, unknown>>): ReadonlyArray<GivenValue> =>
  Object.entries(json).flatMap(([written, value]) =>
    written === 'model' && isRecord(value)
      ? Object.entries(value).map(([key, inner]) => ({ written: `model.${key}`, value: inner }))
      : [{ written, value }],
  )

const unknownKey = ({ written, value }: GivenValue): ConfigProblem => {
  const name = written.replace(/^--/, '')
  const meant = name === 'model' ? undefined : suggestion(name, optionSpellings)
  const reason = foreignReason(name)
  const allowed =
    name === 'model'
      ? 'an object such as { "type": "unet", "width": 32 }'
      : reason !== undefined
        ? `there is no such option here, where ${reason}`
        : `there is no such option${meant === undefined ? '' : `; did you mean ${meant}?`}`
  return { key: written, value, allowed }
}

/**
 * What a flag's text means for this key: the first reading that one of its rows accepts, else the text.
 *
 * @example
 * const seed = readText('seed', '7') // 7
 */
export const readText = (key: string, text: string): unknown => {
  const readings = optionRowsOf(key).map(({ row }) => row.kind.parse(text))
  return readings.find((reading) => reading !== text) ?? text
}

const collect = (
  entries: ReadonlyArray<GivenValue>,
  read: (key: string, entry: GivenValue) => unknown,
): GivenOptions => {
  const given = new Map<string, GivenValue>()
  const problems: Array<ConfigProblem> = []
  for (const entry of entries) {
    const key = optionKeyOf(entry.written.replace(/^--/, ''))
    if (key === undefined) {
      problems.push(unknownKey(entry))
      continue
    }
    const twin = given.get(key)
    if (twin !== undefined) {
      problems.push({
        key: entry.written,
        value: entry.value,
        allowed: `the option once only: ${twin.written} sets it too`,
      })
      continue
    }
    given.set(key, { written: entry.written, value: read(key, entry) })
  }
  return { given, problems }
}

/**
 * What a parsed configuration file gives.
 *
 * @example
 * const { given, problems } = givenByFile({ seed: 7, model: { type: 'dit' } })
 */
export const givenByFile = (json: unknown): GivenOptions =>
  isRecord(json)
    ? collect(entriesOf(json), (key, { written, value }) =>
        written.startsWith('--') && typeof value === 'string' ? readText(key, value) : value,
      )
    : {
        given: new Map(),
        problems: [{ key: 'configuration', value: json, allowed: 'a JSON object, such as { "seed": 1 }' }],
      }

/**
 * What the flags of a command line give.
 *
 * @example
 * const { given, problems } = givenByFlags({ seed: '7', use_ema: true })
 */
export const givenByFlags = (flags: Flags): GivenOptions =>
  collect(
    Object.entries(flags).map(([name, value]) => ({ written: `--${name}`, value })),
    (key, { value }) => (typeof value === 'string' ? readText(key, value) : value),
  )
