import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Draft } from '../onnx/index.js'
import type { Device } from './device.js'
import { type Engine, type EngineError, engineError } from './engine.js'
import { localEngine } from './local-engine.js'
import { inParts, type ModelParts } from './parts.js'
import { scratch } from './scratch.js'
import { weightLimits } from './weight-limits.js'
import { workerEngine } from './worker-engine.js'

export type EngineOptions = {
  /** Default `cpu`. */
  readonly device?: Device
  /** Whether to compute in a thread of its own, so that timers, signals and servers go on meanwhile. Default false. */
  readonly worker?: boolean
  /**
   * The most bytes of a model's large tensors that a session is handed in memory, and makes a copy of. What is more is written to a temporary
   * file, which all sessions of the engine map into memory: 0 … Default: 256 MiB.
   */
  readonly inMemory?: number
  /** The folder for that file. Default: the system's, which the variable TMPDIR names. */
  readonly temporary?: string
}

/**
 * ONNX Runtime on a device.
 *
 * @example
 * const engine = openEngine({ device: 'cpu', worker: true })
 */
export const openEngine = ({
  device = 'cpu',
  worker = false,
  inMemory = weightLimits.mapped,
  temporary,
}: EngineOptions = {}): Engine => {
  const engine = worker ? workerEngine(device) : localEngine(device)
  const { store, remove } = scratch(temporary)
  const takenApart = (model: Uint8Array | Draft): TE.TaskEither<EngineError, Uint8Array | ModelParts> =>
    model instanceof Uint8Array
      ? TE.right(model)
      : TE.tryCatch(() => inParts(model, inMemory, store), engineError('handing over the weights'))
  return {
    ...engine,
    open: (model, options) =>
      pipe(
        takenApart(model),
        TE.chain((parts) => engine.open(parts, options)),
      ),
    openKeeping: (model, keeps, options) =>
      pipe(
        takenApart(model),
        TE.chain((parts) => engine.openKeeping(parts, keeps, options)),
      ),
    close: pipe(
      engine.close,
      TE.chainFirst(() => TE.tryCatch(remove, engineError('closing the engine'))),
    ),
  }
}
