import * as E from 'fp-ts/lib/Either.js'
import { type AdaptableWeight, moduleOf, type Survey } from './adaptable.js'

/**
 * Which weights:
 *
 * - a text names a parameter, its layer (the name without `.weight`), or the end of the layer's name after a dot, as PEFT's
 *   `target_modules` do: `qkv` is every `….qkv`. A `*` stands for any characters, dots included, and the text then has to fit a
 *   whole name: `blocks.*.qkv`, or `*` for everything,
 * - an expression is searched for in the parameter's name,
 * - a function is asked.
 *
 * What matches and can have no adapter, such as a bias, is passed over.
 */
export type Pattern = string | RegExp | ((name: string, dims: ReadonlyArray<number>) => boolean)

/** Weights, and what is particular to their adapters. */
export type LoraTarget =
  | Pattern
  | {
      readonly weights: Pattern
      /** Instead of the rank of all. */
      readonly rank?: number
      /** Instead of the alpha of all. */
      readonly alpha?: number
      /** Cuts the outputs into this many slices of equal length with an adapter each: 3 for fused queries, keys and values. */
      readonly split?: number
      /** Which slices adapt, from 0: [0, 2] for queries and values. Default: all. */
      readonly parts?: ReadonlyArray<number>
    }

/** A target in full. */
export type FullLoraTarget = Exclude<LoraTarget, Pattern>

/**
 * A target as an object.
 *
 * @example
 * const target = fullTarget('*.qkv')
 */
export const fullTarget = (target: LoraTarget): FullLoraTarget =>
  typeof target === 'object' && !(target instanceof RegExp) ? target : { weights: target }

const special = /[.*+?^${}()|[\]\\]/g

/**
 * A text as a regular expression that it alone fits.
 *
 * @example
 * const expression = asExpression('blocks.0') // blocks\.0
 */
export const asExpression = (text: string): string => text.replace(special, '\\$&')

/**
 * Whether a pattern names a parameter.
 *
 * @param dims of the parameter
 * @example
 * const named = patternFits('qkv', 'blocks.0.qkv.weight', [64, 192]) // true
 */
export const patternFits = (pattern: Pattern, name: string, dims: ReadonlyArray<number>): boolean => {
  if (typeof pattern === 'function') return pattern(name, dims)
  // `search` forgets what a sticky or global expression would remember.
  if (pattern instanceof RegExp) return name.search(pattern) >= 0
  const module = moduleOf(name)
  if (!pattern.includes('*')) return [name, module].includes(pattern) || module.endsWith(`.${pattern}`)
  const whole = new RegExp(`^${pattern.split('*').map(asExpression).join('.*')}$`, 's')
  return whole.test(name) || whole.test(module)
}

const pairs = (text: string): ReadonlyArray<string> =>
  Array.from({ length: Math.max(text.length - 1, 0) }, (_, i) => text.slice(i, i + 2))

/** The share of neighbouring letters that two texts have in common, 0 … 1 (Dice 1945). */
const likeness = (a: string, b: string): number => {
  const left = [...pairs(b)]
  const common = pairs(a).filter((pair) => {
    const at = left.indexOf(pair)
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  }).length
  return (2 * common) / Math.max(a.length + b.length - 2, 1)
}

/**
 * The names that a mistaken one may have been meant to be, nearest first: alike as a whole or from one of their dots on.
 *
 * @example
 * const meant = nearNames('atention.qkv', ['blocks.0.attention.qkv', 'patches']) // ['blocks.0.attention.qkv']
 */
export const nearNames = (wanted: string, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const word = moduleOf(wanted.replaceAll('*', ''))
  return names
    .map((name) => {
      const ends = name.split('.').map((_, i, segments) => segments.slice(i).join('.'))
      return { name, score: Math.max(...ends.map((end) => likeness(word, end))) }
    })
    .filter(({ score }) => score >= 0.5)
    .sort((a, b) => b.score - a.score)
    .slice(0, 3)
    .map(({ name }) => name)
}

/**
 * A list for a message, cut where it grows long.
 *
 * @example
 * const text = listed(['a', 'b', 'c'], 2) // a, b and 1 more
 */
export const listed = (names: ReadonlyArray<string>, most = 12): string =>
  names.length <= most
    ? names.join(', ')
    : `${names.slice(0, most).join(', ')} and ${names.length - most} more`

/**
 * The weights that a pattern names.
 *
 * @returns Left where there are none: what it may have been meant to name, and what could have been named
 * @example
 * const weights = selected('blocks.*.in', survey(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })))
 */
export const selected = (
  pattern: Pattern,
  weights: Survey,
): E.Either<string, ReadonlyArray<AdaptableWeight>> => {
  const all = [...weights].map(([name, found]) => ({ name, found }))
  const able = all.flatMap(({ found }) => (E.isRight(found) ? [found.right] : []))
  const chosen = able.filter(({ name, initial }) => patternFits(pattern, name, initial.dims))
  if (chosen.length > 0) return E.right(chosen)
  const candidates = `weights that can have adapters: ${listed(able.map(({ module }) => module))}`
  const unable = all.flatMap(({ name, found }) =>
    // Functions are not asked of weights whose dimensions are not known here.
    E.isLeft(found) && typeof pattern !== 'function' && patternFits(pattern, name, [])
      ? [`${name} ${found.left}`]
      : [],
  )
  if (unable.length > 0)
    return E.left(`matches only what can have no adapter (${listed(unable, 4)}); ${candidates}`)
  const near =
    typeof pattern === 'string'
      ? nearNames(
          pattern,
          able.map(({ module }) => module),
        )
      : []
  return E.left(
    `matches no weight; ${near.length === 0 ? '' : `near ones: ${near.join(', ')}; `}${candidates}`,
  )
}
