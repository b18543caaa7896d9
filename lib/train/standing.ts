import { pipe } from 'fp-ts/lib/function.js'
import type * as IO from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Engine, EngineError, Held, Values } from '../engine/index.js'
import type { TensorOf } from '../types/index.js'
import type { Parameters, State } from './state.js'
import { mapNamed } from './named.js'
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

/**
 * Everything that a state is made of, under the names that the training graph reads it by.
 *
 * @example
 * declare const state: State
 * const feeds = namedTensors(state)
 */
export const namedTensors = ({ parameters, slots, ema }: Standing): Values => {
  // At every step, and the names are many: no lists between.
  const named: Record<string, Held> = { ...parameters }
  for (const [slot, weights] of Object.entries(slots))
    for (const [name, held] of Object.entries(weights)) named[names.slot(slot, name)] = held
  // The parameters under other names, where no average is kept.
  for (const [name, held] of Object.entries(ema)) named[names.average(name)] = held
  return named
}

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

const float32Of = (held: Held, name: string): TensorOf<'float32'> => {
  if (held.type !== 'float32') throw new Error(`the training graph gives ${name} as ${held.type}`)
  return held
}

/**
 * A state whose tensors are in this thread's memory already, as such.
 *
 * @throws Error where one is not float32 data: a bug
 * @example
 * declare const standing: Standing
 * const state: State = inMemory(standing)
 */
export const inMemory = ({ step, parameters, ema, slots }: Standing): State => {
  const plain = (weights: Weights): Parameters => mapNamed(weights, float32Of)
  const own = plain(parameters)
  return {
    step,
    parameters: own,
    ema: ema === parameters ? own : plain(ema),
    slots: mapNamed(slots, plain),
  }
}

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
      TE.map((tensors) => shapedAs(state, (name) => float32Of(tensors[name], name))),
    ),
  release: (state) => engine.release(namedTensors(state)),
})
