import { flow, pipe } from 'fp-ts/lib/function.js'
import type * as IO from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Draft } from '../onnx/index.js'
import { type ErrorOf, reasonOf } from '../types/index.js'
import type { Device } from './device.js'
import type { Tensors, Values } from './value.js'

export type EngineError = ErrorOf<'EngineError'>

/** A compiled graph: a pure function from named tensors to named tensors. */
export interface Session {
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  /** Runs the graph once. Inputs are read during the call only; outputs are fresh arrays that belong to the caller. */
  readonly run: (inputs: Values) => TE.TaskEither<EngineError, Tensors>
  /** Frees the native memory. A session is worth keeping: opening one costs more than many runs. */
  readonly release: TE.TaskEither<EngineError, void>
}

/** What a run leaves behind where some outputs stay: `kept` those, `rest` the others, as fresh arrays. */
export type Kept = { readonly kept: Values; readonly rest: Tensors }

/** A session some of whose outputs stay where they are computed. */
export interface KeepingSession extends Omit<Session, 'run'> {
  readonly run: (inputs: Values) => TE.TaskEither<EngineError, Kept>
}

export type SessionOptions = {
  /** Threads within an operator; by default ONNX Runtime takes one a physical core. */
  readonly threads?: number
  /** A name for error messages, such as `training step`. */
  readonly name?: string
}

/**
 * ONNX Runtime on a device, in this thread or in one of its own. Wherever it computes it is the same interface: sessions, and
 * values that sessions have left where they were made. What it is asked at the same time it does one after the other. Source is what
 * a session is opened on.
 */
export interface Engine<Source = Uint8Array | Draft> {
  readonly device: Device
  /**
   * Compiles an ONNX graph.
   *
   * @param model the bytes of an ONNX file, as `encode` of `deriva/onnx` writes them; or its `draft`, which may be of any size
   */
  readonly open: (model: Source, options?: SessionOptions) => TE.TaskEither<EngineError, Session>
  /**
   * Compiles a graph some of whose outputs stay where they are computed, to be fed again: on WebGPU in GPU buffers, with a worker
   * thread in its memory. In this thread, on the CPU and on CUDA (whose bindings bring everything back), they are plain tensors.
   *
   * @param keeps the names of these outputs
   */
  readonly openKeeping: (
    model: Source,
    keeps: ReadonlyArray<string>,
    options?: SessionOptions,
  ) => TE.TaskEither<EngineError, KeepingSession>
  /** Copies of what the engine holds; plain tensors pass as they are. Left when something has been released. */
  readonly read: (values: Values) => TE.TaskEither<EngineError, Tensors>
  /** Frees what the engine holds of these, after what it has been asked before. Plain tensors have nothing to free. */
  readonly release: (values: Values) => IO.IO<void>
  /** Ends the engine: all that it holds is freed, and whoever still waits for it is told so. */
  readonly close: TE.TaskEither<EngineError, void>
}

/**
 * How sessions are opened that keep nothing, by how ones are that do.
 *
 * @example
 * declare const engine: Engine
 * const open = keepingNothing(engine.openKeeping)
 */
export const keepingNothing =
  <Source>(openKeeping: Engine<Source>['openKeeping']): Engine<Source>['open'] =>
  (model, options) =>
    pipe(
      openKeeping(model, [], options),
      TE.map((session) => ({
        ...session,
        run: flow(
          session.run,
          TE.map(({ rest }) => rest),
        ),
      })),
    )

/** The file that the system would not give or take, where it says so. */
const fileOf = (cause: unknown): string =>
  cause instanceof Error && 'path' in cause && typeof cause.path === 'string' ? `${cause.path}: ` : ''

/**
 * A failure of the engine, from what was thrown.
 *
 * @example
 * const error = engineError('compiling the denoiser')(new Error('no such operator'))
 */
export const engineError =
  (doing: string) =>
  (cause: unknown): EngineError => ({
    _tag: 'EngineError',
    message: `${doing}: ${fileOf(cause)}${reasonOf(cause)}`,
  })
