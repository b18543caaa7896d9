import * as TE from 'fp-ts/lib/TaskEither.js'
import type { ErrorOf, Parameterisation } from '../types/index.js'
import type { Denoiser } from './denoiser.js'

const stopped: ErrorOf<'EngineError'> = { _tag: 'EngineError', message: 'stopped, as somebody wanted' }

/**
 * The same denoiser, until somebody wants an end: then it evaluates no more, and what asks it fails. Tasks cannot be cancelled,
 * but all the long ones ask again and again.
 *
 * @param stop asked before each evaluation
 * @returns a denoiser that gives Left `EngineError` from then on
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>, signal: AbortSignal
 * const until = stoppable(denoiser, () => signal.aborted)
 */
export const stoppable = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  stop: () => boolean,
): Denoiser<P> => ({
  ...denoiser,
  predict: (latents, timesteps, conditioning) => () =>
    stop() ? TE.left(stopped)() : denoiser.predict(latents, timesteps, conditioning)(),
})
