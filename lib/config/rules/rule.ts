import type { Config } from '../config.js'

/** A combination that cannot be: the keys it is about, the first of them the one to change, and what would be right. */
export type Rule = {
  readonly keys: ReadonlyArray<string>
  readonly refuse: (config: Config) => string | undefined
}
