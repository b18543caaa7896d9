import type { Loss } from '../loss/index.js'
import type { Model } from '../model/index.js'
import type { Parameterisation } from '../types/index.js'
import type { ClippingOptions } from './clipping.js'
import type { LossScalingOptions } from './loss-scaling.js'
import type { Optimizer } from './optimizer.js'

/** What an optimizer step is made from. */
export type TrainingGraphOptions<P extends Parameterisation> = ClippingOptions & {
  readonly model: Model<P>
  /** Whatever it reads beside the usual has to come with every batch. */
  readonly loss: Loss<P, string>
  readonly optimizer: Optimizer
  /** Samples of an optimizer step. */
  readonly batchSize: number
  /**
   * Work through the batch in this many equal parts and add up their gradients, which takes a fraction of the memory and gives the
   * same step, unless the loss lets samples look at each other. A divisor of `batchSize`. Default 1.
   */
  readonly accumulate?: number
  /**
   * Keep few activations and compute the others again in the backward pass: less memory, for at most one more forward pass. A number is
   * the most segments that the model is cut into. Default: all are kept.
   */
  readonly checkpointing?: boolean | number
  /**
   * Scale the loss as far as gradients bear it, which float16 needs (see `inPrecision`); a step whose gradients overflow changes
   * nothing but the scale. Default false.
   */
  readonly lossScaling?: boolean | LossScalingOptions
  /** Whether a moving average of the parameters is kept. */
  readonly averages: boolean
  /** Which weights train, by name. The others become constants of the graphs. Default: all. */
  readonly trains?: (name: string) => boolean
  /** Which parameters weight decay applies to. Default: those of rank 2 and above, so neither biases nor norms. */
  readonly decays?: (name: string, dims: ReadonlyArray<number>) => boolean
}
