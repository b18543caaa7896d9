import type { Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'

/**
 * A denoiser as a graph. Its prediction depends on
 *
 * - inputs `latents` [batch, …sample] float32 and `timestep` [batch] float32, 0 … 1000, where `batch` is a symbol,
 * - conditioning inputs under names of their own, such as `label` [batch] int64,
 * - parameters: the weights with their initial values, found with `leaves`.
 */
export type Model<P extends Parameterisation> = {
  readonly parameterisation: P
  /** The shape of one latent, such as [1, 28, 28]. */
  readonly sample: ReadonlyArray<number>
  /** [batch, …sample] float32 */
  readonly prediction: Value
}
