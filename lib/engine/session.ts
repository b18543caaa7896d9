import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Draft } from '../onnx/index.js'
import type { Device } from './device.js'
import type { EngineError, Session, SessionOptions } from './engine.js'
import { openEngine } from './open-engine.js'

/**
 * Compiles an encoded ONNX graph, to run in this thread. ONNX Runtime computes synchronously: the event loop stands still
 * meanwhile. `openEngine` has the other ways.
 *
 * @param model the bytes of an ONNX file, as `encode` of `deriva/onnx` writes them; or its `draft`, which may be of any size
 * @returns Left `EngineError` when ONNX Runtime refuses the model; its message names the node at fault
 * @example
 * declare const model: Uint8Array
 * const outputs = pipe(
 *   openSession(model),
 *   TE.chain((session) => session.run({ latents: float32([1, 2], [0, 1]) })),
 * )
 */
export const openSession = (
  model: Uint8Array | Draft,
  { device = 'cpu', ...options }: SessionOptions & { readonly device?: Device } = {},
): TE.TaskEither<EngineError, Session> => openEngine({ device }).open(model, options)
