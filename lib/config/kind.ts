import * as E from 'fp-ts/lib/Either.js'
import { identity } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suggestion } from './suggestion.js'

/** A kind of option value: how it is checked, how it is written as a flag, and how people are told about it. */
export type OptionKind<A> = {
  /** Checks a JSON value; decoded and encoded values are the same. */
  readonly codec: t.Type<A>
  /** One word for tables and help texts, such as `integer`. */
  readonly type: string
  /** What is allowed, as the end of the sentence "allowed: …". */
  readonly allowed: string
  /** Reads the text of a flag. Text that means nothing stays text, for the codec to refuse. */
  readonly parse: (text: string) => unknown
  /** The names to choose from, where there are some. */
  readonly names?: ReadonlyArray<string>
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

const parseNumber = (text: string): unknown => (decimal.test(text.trim()) ? Number(text) : text)

const codec = <A>(name: string, is: (u: unknown) => u is A): t.Type<A> =>
  new t.Type(name, is, (u, context) => (is(u) ? t.success(u) : t.failure(u, context)), identity)

export type NumberRange = {
  /** The smallest allowed value, itself included. */
  readonly min?: number
  /** The largest allowed value, itself included. */
  readonly max?: number
  /** A lower bound that is itself excluded. */
  readonly above?: number
  /** An upper bound that is itself excluded. */
  readonly below?: number
}

const bounds = ({ min, max, above, below }: NumberRange): string =>
  [
    min !== undefined && max !== undefined ? `from ${min} to ${max}` : min !== undefined ? `≥ ${min}` : '',
    min === undefined && max !== undefined ? `≤ ${max}` : '',
    above !== undefined ? `> ${above}` : '',
    below !== undefined ? `< ${below}` : '',
  ]
    .filter((part) => part !== '')
    .join(' and ')

const within =
  ({ min = -Infinity, max = Infinity, above = -Infinity, below = Infinity }: NumberRange) =>
  (x: number): boolean =>
    x >= min && x <= max && x > above && x < below

const numeric = (
  type: string,
  noun: string,
  range: NumberRange,
  holds: (x: number) => boolean,
): OptionKind<number> => {
  const inRange = within(range)
  const allowed = `${noun} ${bounds(range)}`.trim()
  return {
    codec: codec(allowed, (u): u is number => typeof u === 'number' && holds(u) && inRange(u)),
    type,
    allowed,
    parse: parseNumber,
  }
}

/**
 * Finite numbers in a range.
 */
const number = (range: NumberRange = {}): OptionKind<number> =>
  numeric('number', 'a number', range, Number.isFinite)

/**
 * Integers in a range, up to 2⁵³ − 1.
 */
const integer = (range: NumberRange = {}): OptionKind<number> =>
  numeric('integer', 'an integer', range, Number.isSafeInteger)

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false, True: true, False: false }

/** `true` or `false`, as texts also as Python writes them; as a flag also without a value, which means `true`. */
const boolean: OptionKind<boolean> = {
  codec: t.boolean,
  type: 'boolean',
  allowed: 'true or false',
  parse: (text) => (Object.hasOwn(booleans, text) ? booleans[text] : text),
}

/**
 * Text that is not empty.
 *
 * @param allowed what the text says, for messages
 * @param holds whether a text says that; without, any does
 * @example
 * const folder = text('the path of a folder')
 */
const text = (allowed: string, holds: (text: string) => boolean = () => true): OptionKind<string> => ({
  codec: codec(allowed, (u): u is string => typeof u === 'string' && u.trim() !== '' && holds(u)),
  type: 'text',
  allowed,
  parse: identity,
})

/**
 * One of a few names.
 */
const choice = <const N extends string>(names: ReadonlyArray<N>): OptionKind<N> => {
  const known = new Set<unknown>(names)
  const allowed = names.length === 1 ? `only ${names.join()}` : `one of ${names.join(', ')}`
  return {
    codec: codec(allowed, (u): u is N => known.has(u)),
    type: names.join(' | '),
    allowed,
    parse: identity,
    names,
  }
}

/**
 * The same values, or `null`; the word `null` as a flag.
 *
 * @param meaning what null stands for, for messages
 * @example
 * const resume = orNull(text('a checkpoint folder'), 'start afresh')
 */
const orNull = <A>(kind: OptionKind<A>, meaning: string): OptionKind<A | null> => ({
  ...kind,
  codec: codec(
    `${kind.allowed}, or null`,
    (u): u is A | null => u === null || E.isRight(kind.codec.decode(u)),
  ),
  type: `${kind.type} or null`,
  allowed: `${kind.allowed}, or null (${meaning})`,
  parse: (text) => (text === 'null' ? null : kind.parse(text)),
})

/**
 * The same values, or a word that leaves the choice to the program.
 *
 * @param meaning what the word asks for, for messages
 * @example
 * const steps = orAuto(integer({ min: 1 }), 'as many as suit the device')
 */
const orAuto = <A>(kind: OptionKind<A>, meaning: string): OptionKind<A | 'auto'> => ({
  codec: codec(
    `${kind.allowed}, or auto`,
    (u): u is A | 'auto' => u === 'auto' || E.isRight(kind.codec.decode(u)),
  ),
  type: `${kind.type} or auto`,
  allowed: `${kind.allowed}, or auto (${meaning})`,
  parse: kind.parse,
})

const isText = (u: unknown): u is string => typeof u === 'string' && u.trim() !== ''

/**
 * Texts that are not empty, at least one; as a flag separated by commas.
 *
 * @param allowed what they are, for messages
 */
const list = (allowed: string): OptionKind<ReadonlyArray<string>> => ({
  codec: codec(
    allowed,
    (u): u is ReadonlyArray<string> => Array.isArray(u) && u.length > 0 && u.every(isText),
  ),
  type: 'list',
  allowed,
  parse: (text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(isText),
})

/**
 * Texts by name: an object, as a flag `name=text,name=text`.
 *
 * @param allowed what they say, for messages
 */
const names = (allowed: string): OptionKind<Readonly<Record<string, string>>> => ({
  codec: codec(
    allowed,
    (u): u is Readonly<Record<string, string>> =>
      typeof u === 'object' && u !== null && !Array.isArray(u) && Object.values(u).every(isText),
  ),
  type: 'name=text,…',
  allowed,
  parse: (text) => {
    const pairs = text.split(',').map((part) => /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(part))
    return pairs.every((pair) => pair !== null)
      ? Object.fromEntries(pairs.map(([, name, value]) => [name, value]))
      : text
  },
})

/**
 * What is allowed in place of a value, with the name that it was probably meant to be.
 *
 * @example
 * const words = allowedFor(kinds.choice(['unet', 'dit']), 'dti') // 'one of unet, dit; did you mean dit?'
 */
export const allowedFor = (
  { type, allowed, names = [] }: Pick<OptionKind<unknown>, 'type' | 'allowed' | 'names'>,
  value: unknown,
): string => {
  if (type.startsWith('integer') && Number.isInteger(value) && !Number.isSafeInteger(value))
    return `${allowed}, and at most 2^53 − 1`
  const meant = typeof value === 'string' ? suggestion(value, names) : undefined
  return meant === undefined ? allowed : `${allowed}; did you mean ${meant}?`
}

/** The kinds of values that options have. */
export const kinds = { number, integer, boolean, text, choice, list, names, orNull, orAuto } as const
