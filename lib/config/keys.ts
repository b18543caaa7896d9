import type * as t from 'io-ts'
import type { DerivedDefault, OptionGroup } from './option.js'
import { modelOptions, modelType, modelTypes, options } from './options/index.js'

/** A row of the table where its value's type does not matter. */
export type OptionRow = {
  readonly group: OptionGroup
  readonly kind: {
    readonly codec: t.Decoder<unknown, unknown>
    readonly type: string
    readonly allowed: string
    readonly parse: (text: string) => unknown
    readonly names?: ReadonlyArray<string>
  }
  readonly fallback: { readonly value: unknown } | DerivedDefault<unknown>
  readonly meaning: string
  readonly aliases: ReadonlyArray<string>
}

/** A key as it is written in flags and messages, such as `model.width`, with its rows: one for each model type that has it. */
export type KeyRows = {
  readonly key: string
  readonly rows: ReadonlyArray<{ readonly only?: string; readonly row: OptionRow }>
}

const modelRows: Readonly<Record<string, Readonly<Record<string, OptionRow>>>> = modelOptions

/**
 * The options of one model type, by their names within `model`.
 *
 * @example
 * const names = Object.keys(modelRowsOf('dit'))
 */
export const modelRowsOf = (type: string): Readonly<Record<string, OptionRow>> =>
  Object.hasOwn(modelRows, type) ? modelRows[type] : {}

const modelKeys = (): ReadonlyArray<KeyRows> => {
  const names = [...new Set(modelTypes.flatMap((type) => Object.keys(modelRowsOf(type))))]
  return names.map((name) => ({
    key: `model.${name}`,
    rows: modelTypes
      .filter((type) => Object.hasOwn(modelRowsOf(type), name))
      .map((type) => ({ only: type, row: modelRowsOf(type)[name] })),
  }))
}

/** Every key of the table, in the order of documents: those of the model after the data. */
export const optionKeys: ReadonlyArray<KeyRows> = (() => {
  const plain = Object.entries<OptionRow>(options).map(([key, row]) => ({ key, rows: [{ row }] }))
  const at = plain.findIndex(({ rows }) => rows[0]?.row.group === 'Objective')
  return [
    ...plain.slice(0, at),
    { key: 'model.type', rows: [{ row: modelType }] },
    ...modelKeys(),
    ...plain.slice(at),
  ]
})()

const canonical: ReadonlyMap<string, string> = new Map(
  optionKeys.flatMap(({ key, rows }) => [
    [key, key] as const,
    ...rows.flatMap(({ row }) => row.aliases.map((alias) => [alias, key] as const)),
  ]),
)

/** Every spelling that is accepted, aliases included. */
export const optionSpellings: ReadonlyArray<string> = [...canonical.keys()]

/**
 * The key that a spelling stands for, if it is one.
 *
 * @example
 * const key = optionKeyOf('checkpointing_steps') // 'checkpoint_step_interval'
 */
export const optionKeyOf = (spelling: string): string | undefined => canonical.get(spelling)

/**
 * The rows of a key: several where model types share its name.
 *
 * @example
 * const [{ row } = { row: undefined }] = optionRowsOf('seed')
 */
export const optionRowsOf = (key: string): KeyRows['rows'] =>
  optionKeys.find((entry) => entry.key === key)?.rows ?? []
