/**
 * Every way deriva can fail for an outside reason. The message says what was wrong, where, and what would be right.
 * Failures travel as `Either`/`TaskEither`, or end a stream; what is thrown instead is a bug.
 */
export type DerivaError =
  /** A configuration key, its value and what is allowed; one entry per problem. */
  | {
      readonly _tag: 'ConfigError'
      readonly message: string
      readonly problems: ReadonlyArray<ConfigProblem>
    }
  /** An ONNX file or graph that cannot be understood. */
  | { readonly _tag: 'GraphError'; readonly message: string; readonly node?: string }
  /** A graph that cannot be differentiated with respect to what was asked. */
  | { readonly _tag: 'GradientError'; readonly message: string; readonly operator: string }
  /** ONNX Runtime refused a model or failed while running it. */
  | { readonly _tag: 'EngineError'; readonly message: string }
  /** A dataset that is missing or malformed. */
  | { readonly _tag: 'DataError'; readonly message: string; readonly path?: string }
  /** A run folder or checkpoint that is missing, incomplete or does not fit the model. */
  | { readonly _tag: 'CheckpointError'; readonly message: string; readonly path: string }
  /** Training went somewhere it cannot return from: a loss that is not finite. */
  | { readonly _tag: 'TrainingError'; readonly message: string; readonly step: number }

export type ConfigProblem = { readonly key: string; readonly value: unknown; readonly allowed: string }

export type ErrorOf<T extends DerivaError['_tag']> = Extract<DerivaError, { readonly _tag: T }>
