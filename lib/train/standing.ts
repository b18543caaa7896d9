import { pipe } from 'fp-ts/lib/function.js'
import type * as IO from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Engine, EngineError, Held, Values } from '../engine/index.js'
import type { TensorOf } from '../types/index.js'
import type { State } from './state.js'
import { names } from './names.js'

/** A parameter, or what belongs to one, wherever it is. */
export type Weights = Values

/**
 * Where training stands: a state whose tensors are where they were computed, which may be a GPU's memory or another thread's.
 * Every `State` is one. A trainer reads one back, and releases it.
 */
export type Standing = {
  readonly step: number
  readonly parameters: Weights
  readonly ema: Weights
  readonly slots: Readonly<Record<string, Weights>>
}

const renamed = (weights: Weights, rename: (name: string) => string): Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, held]) => [rename(name), held]))

/**
 * Everything that a state is made of, under the names that the training graph reads it by.
 *
 * @example
 * declare const state: State
 * const feeds = namedTensors(state)
 */
export const namedTensors = ({ parameters, slots, ema }: Standing): Values => ({
  ...parameters,
  ...Object.fromEntries(
    Object.entries(slots).flatMap(([slot, weights]) =>
      Object.entries(renamed(weights, (name) => names.slot(slot, name))),
    ),
  ),
  // The parameters under other names, where no average is kept.
  ...renamed(ema, names.average),
})

/**
 * The state of the same shape whose tensors are found under these names.
 *
 * @param find a tensor by the name that `namedTensors` gives it
 * @param averages whether it has averages of its own; by default if this one does
 * @example
 * declare const state: State
 * const same = shapedAs(state, (name) => namedTensors(state)[name])
 */
export const shapedAs = <T extends Held>(
  { step, parameters, ema, slots }: Standing,
  find: (name: string) => T,
  averages = ema !== parameters,
): {
  readonly step: number
  readonly parameters: Readonly<Record<string, T>>
  readonly ema: Readonly<Record<string, T>>
  readonly slots: Readonly<Record<string, Readonly<Record<string, T>>>>
} => {
  const found = (weights: Weights, named: (name: string) => string): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.keys(weights).map((name) => [name, find(named(name))]))
  const next = found(parameters, (name) => name)
  return {
    step,
    parameters: next,
    ema: averages ? found(ema, names.average) : next,
    slots: Object.fromEntries(
      Object.entries(slots).map(([slot, weights]) => [
        slot,
        found(weights, (name) => names.slot(slot, name)),
      ]),
    ),
  }
}

const float32Of = (name: string, held: Held): TensorOf<'float32'> => {
  if (held.type !== 'float32') throw new Error(`the training graph gives ${name} as ${held.type}`)
  return held
}

/**
 * A state with tensors in this thread's memory.
 *
 * @param tensors what `namedTensors` gives, read
 * @throws Error where one is not float32 data: a bug
 * @example
 * declare const state: State
 * const same: State = inMemory(state, namedTensors(state))
 */
export const inMemory = (standing: Standing, tensors: Values): State =>
  shapedAs(standing, (name) => float32Of(name, tensors[name]))

/** What can be done to states that an engine holds. */
export type Keeping = {
  /** A copy in this thread's memory, such as checkpoints and exports are made of. Left when the state has been released. */
  readonly read: (state: Standing) => TE.TaskEither<EngineError, State>
  /** Frees what the engine holds of a state that nobody will read again; `training` does so with the states that it has made. */
  readonly release: (state: Standing) => IO.IO<void>
}

/**
 * How states are read and released that this engine holds.
 *
 * @example
 * const { read, release } = keptBy(openEngine({ worker: true }))
 */
export const keptBy = (engine: Engine): Keeping => ({
  read: (state) =>
    pipe(
      engine.read(namedTensors(state)),
      TE.map((tensors) => inMemory(state, tensors)),
    ),
  release: (state) => engine.release(namedTensors(state)),
})
