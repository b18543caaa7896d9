import type { Value } from '../onnx/index.js'

/** What an optimizer sees of one parameter, as graph values. */
export type Update = {
  readonly parameter: Value
  /** Clipped already; the parameter's shape. */
  readonly gradient: Value
  /** The optimizer's memory of this parameter, by slot. */
  readonly slot: (name: string) => Value
  /** This step's numbers, as scalars. */
  readonly scalar: (name: string) => Value
  /** Whether weight decay applies to this parameter. */
  readonly decays: boolean
}

/**
 * An optimizer is a builder of graph nodes: it turns a gradient into the next parameter and the next memory.
 * What depends on the step number is computed in float64 beforehand and fed as scalars.
 */
export type Optimizer = {
  /** Names of the tensors it keeps for each parameter; they start as zeros. */
  readonly slots: ReadonlyArray<string>
  /** Scalars fed at a step, given the steps already taken; `learning_rate` is among them. */
  readonly scalars: (step: number) => Readonly<Record<string, number>> & { readonly learning_rate: number }
  readonly update: (update: Update) => {
    readonly parameter: Value
    readonly slots: Readonly<Record<string, Value>>
  }
}
