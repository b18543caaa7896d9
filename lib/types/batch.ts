import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { ErrorOf } from './error.js'
import type { Conditioning, Tensor } from './tensor.js'

/** Clean data to train on. G names what its conditioning holds for certain, so that a loss that reads it compiles. */
export interface Batch<G extends string = never> {
  /** [batch]: names the samples; all randomness that a sample meets is drawn under its id. */
  readonly ids: Uint32Array
  /** x0: [batch, …shape], row-major. */
  readonly x0: Float32Array
  /** The shape of one sample, such as [1, 28, 28]. */
  readonly shape: ReadonlyArray<number>
  readonly conditioning: Conditioning & Readonly<Record<G, Tensor>>
  /** The row of each conditioning that stands for "nothing", [1, …]: what guidance compares with. Without them there is no guidance. */
  readonly empty?: Conditioning
}

/**
 * Where batches come from: the batch of any step, asked for by number. A source is a function of the step alone, so that a run
 * that goes on from a checkpoint meets the batches it would have met.
 */
export type Source<G extends string = never> = (step: number) => TE.TaskEither<ErrorOf<'DataError'>, Batch<G>>
