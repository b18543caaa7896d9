import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Conditioning, ErrorOf, Parameterisation } from '../types/index.js'

/**
 * A model with its weights fixed, as a function of latents, times and conditioning.
 * The rows of all three belong together; any subset of a batch, in any order, gives the same rows.
 */
export interface Denoiser<P extends Parameterisation> {
  readonly parameterisation: P
  /** Evaluations of the model that a prediction takes for each sample: 2 with guidance. Default 1. */
  readonly evaluations?: number
  /**
   * @param latents [count, …sample], row-major
   * @param timesteps [count], 0 … 1000
   * @returns the predictions, [count, …sample]
   */
  readonly predict: (
    latents: Float32Array,
    timesteps: Float32Array,
    conditioning: Conditioning,
  ) => TE.TaskEither<ErrorOf<'EngineError'>, Float32Array>
}
