import type { ValueOf } from './option.js'
import type { modelOptions, ModelType, options } from './options/index.js'

type Values<Rows> = { readonly [K in keyof Rows]: ValueOf<Rows[K]> }

/** The model to build: a type and the options of that type. */
export type ModelConfig = {
  readonly [M in ModelType]: { readonly type: M } & Values<(typeof modelOptions)[M]>
}[ModelType]

/**
 * A complete configuration: every option has its value, defaults included. What is not applicable is `null`.
 * It is written as it is to the run's config.json, and decodes to itself.
 */
export type Config = Values<typeof options> & { readonly model: ModelConfig }
