import type { ElementType, Tensor } from '../types/index.js'

/**
 * A tensor that stayed where it was computed, in a GPU buffer or in the memory of a worker thread: a name for it, to be fed to any
 * session of the same engine. It lives until the engine is told to release it; what nobody can reach any more is released with the
 * garbage, at some time.
 */
export type Resident = {
  readonly type: 'resident'
  readonly element: ElementType
  readonly dims: ReadonlyArray<number>
  readonly id: number
}

/** What a session is fed: data, or the name of data that the engine holds. */
export type Held = Tensor | Resident

export type Tensors = Readonly<Record<string, Tensor>>

/** Tensors by name, wherever they are. */
export type Values = Readonly<Record<string, Held>>

/**
 * The residents among these values, each once.
 *
 * @example
 * const none = residentsOf({ x: float32([], [1]) }) // []
 */
export const residentsOf = (values: Values): ReadonlyArray<Resident> => [
  ...new Set(Object.values(values).flatMap((value) => (value.type === 'resident' ? [value] : []))),
]
