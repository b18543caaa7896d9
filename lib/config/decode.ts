import * as E from 'fp-ts/lib/Either.js'
import { identity } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import type { ConfigProblem, ErrorOf } from '../types/index.js'
import type { Config } from './config.js'
import type { Flags } from './flags.js'
import { type GivenValue, givenByFile, givenByFlags } from './given.js'
import { modelRowsOf, optionKeys, type OptionRow, optionRowsOf } from './keys.js'
import { allowedFor } from './kind.js'
import type { KnownOptions } from './option.js'
import { modelType, modelTypes, options } from './options/index.js'
import { impossibleCombinations } from './rules/index.js'

export type ConfigError = ErrorOf<'ConfigError'>

type GivenMap = ReadonlyMap<string, GivenValue>

/** The value of one option, and whether it stands in for one that was refused. */
type Outcome = { readonly value: unknown; readonly problem?: ConfigProblem }

const optionRows: Readonly<Record<string, OptionRow>> = options

const accepts = (row: OptionRow, value: unknown): boolean => E.isRight(row.kind.codec.decode(value))

/** A value that was written and is allowed; the default if none was written; the default and a problem otherwise. */
const outcome = (row: OptionRow, given: GivenValue | undefined, known: Partial<KnownOptions>): Outcome => {
  const { fallback, kind } = row
  // DerivedDefault defaults look at options with fixed defaults only, which are resolved before them.
  const standard = (): unknown => ('text' in fallback ? fallback.from(known as KnownOptions) : fallback.value)
  if (given === undefined || (given.value === null && 'text' in fallback)) return { value: standard() }
  return accepts(row, given.value)
    ? { value: given.value }
    : {
        value: standard(),
        problem: { key: given.written, value: given.value, allowed: allowedFor(kind, given.value) },
      }
}

const resolve = (
  rows: Readonly<Record<string, OptionRow>>,
  prefix: string,
  given: GivenMap,
): {
  readonly values: Readonly<Record<string, unknown>>
  readonly problems: ReadonlyMap<string, ConfigProblem>
} => {
  const values: Record<string, unknown> = {}
  const problems = new Map<string, ConfigProblem>()
  const inOrder = (wanted: boolean): void => {
    for (const [name, row] of Object.entries(rows)) {
      if ('text' in row.fallback !== wanted) continue
      const { value, problem } = outcome(row, given.get(prefix + name), values)
      values[name] = value
      if (problem !== undefined) problems.set(prefix + name, problem)
    }
  }
  inOrder(false)
  inOrder(true)
  // Keys in the order of the table, not of their resolution: config.json is for people too.
  return { values: Object.fromEntries(Object.keys(rows).map((name) => [name, values[name]])), problems }
}

/** Model keys that the chosen type does not have. */
const misplaced = (type: string, given: GivenMap): ReadonlyArray<ConfigProblem> =>
  [...given].flatMap(([key, { written, value }]) => {
    if (!key.startsWith('model.') || key === 'model.type' || Object.hasOwn(modelRowsOf(type), key.slice(6)))
      return []
    const owners = optionRowsOf(key).map(({ only }) => only)
    return [
      {
        key: written,
        value,
        allowed: `nothing, since model.type is ${type}: it belongs to ${owners.join(' and ')}`,
      },
    ]
  })

const modelKeys = optionKeys.map(({ key }) => key).filter((key) => key.startsWith('model.'))

const isConfig = (u: unknown): u is Config => {
  const holds = (
    rows: Readonly<Record<string, OptionRow>>,
    values: Readonly<Record<string, unknown>>,
  ): boolean => Object.entries(rows).every(([name, row]) => accepts(row, values[name]))
  if (typeof u !== 'object' || u === null || !('model' in u)) return false
  const { model } = u
  if (typeof model !== 'object' || model === null || !('type' in model)) return false
  const type = modelTypes.find((name) => name === model.type)
  return type !== undefined && holds(optionRows, { ...u }) && holds(modelRowsOf(type), { ...model })
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? String(value) : text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/**
 * A refusal of these problems; its message has a line for each: key, value, what is allowed.
 *
 * @example
 * const error = configError([{ key: 'seed', value: -1, allowed: 'an integer ≥ 0' }])
 */
export const configError = (problems: ReadonlyArray<ConfigProblem>): ConfigError => ({
  _tag: 'ConfigError',
  message: problems
    .map(({ key, value, allowed }) => `${key}: ${show(value)}\n  allowed: ${allowed}`)
    .join('\n'),
  problems,
})

/**
 * A complete configuration from what a file and a command line say; flags override the file, defaults fill the rest.
 *
 * @param json a parsed config.json: an object with keys of the table, those of the model as `{ model: { type, … } }`. A key
 *   written `--key`, as SimpleTuner's own files have them, may hold its value as text.
 * @param flags as `parseFlags` reads them
 * @returns Left `ConfigError` with one problem for every unknown key, wrong value and impossible combination
 * @example
 * const config = decodeConfig({ prediction_type: 'flow_matching', model: { type: 'dit' } }, { seed: '7', use_ema: true })
 */
export const decodeConfig = (json: unknown, flags: Flags = {}): E.Either<ConfigError, Config> => {
  const file = givenByFile(json)
  const line = givenByFlags(flags)
  const given: GivenMap = new Map([...file.given, ...line.given])
  const path = given.get('model.path')
  // A file to train further is a type already.
  const implied = path === undefined || path.value === null ? undefined : { ...path, value: 'onnx' }
  const type = outcome(modelType, given.get('model.type') ?? implied, {})
  const typeName = String(type.value)
  const plain = resolve(optionRows, '', given)
  const model = resolve(modelRowsOf(typeName), 'model.', given)
  const config = { ...plain.values, model: { type: type.value, ...model.values } }
  // Stand-ins of the right type make the rules computable; rules about refused keys are left out.
  if (!isConfig(config)) throw new Error('a default in the table of options is not allowed by its own kind')
  const refused = new Set([
    ...plain.problems.keys(),
    ...model.problems.keys(),
    ...(type.problem ? ['model.type'] : []),
  ])
  const problems = [
    ...file.problems,
    ...line.problems,
    ...(type.problem === undefined ? misplaced(typeName, given) : [type.problem]),
    ...plain.problems.values(),
    // Without a type there is no telling what its keys should be.
    ...(type.problem === undefined ? model.problems.values() : []),
    ...impossibleCombinations(
      config,
      type.problem === undefined ? refused : new Set([...refused, ...modelKeys]),
    ),
  ]
  return problems.length === 0 ? E.right(config) : E.left(configError(problems))
}

/**
 * The io-ts codec of config.json: decodes what a user wrote, and encodes to itself what was resolved. Refusals carry a
 * context entry with the key and a message for each problem.
 *
 * @example
 * const config = configCodec.decode({ seed: 7 })
 */
export const configCodec: t.Type<Config> = new t.Type(
  'Config',
  isConfig,
  (u, context) => {
    const decoded = decodeConfig(u)
    return E.isRight(decoded)
      ? t.success(decoded.right)
      : t.failures(
          decoded.left.problems.map(({ key, value, allowed }) => ({
            value,
            context: [...context, { key, type: t.unknown, actual: value }],
            message: `${key}: ${show(value)}; allowed: ${allowed}`,
          })),
        )
  },
  identity,
)
