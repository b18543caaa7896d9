import type { TensorOf } from '../types/index.js'

/** Tensors by parameter name. */
export type Parameters = Readonly<Record<string, TensorOf<'float32'>>>

/** Everything that training changes. With the configuration and the seed it determines all that follows, so it is what a checkpoint holds. */
export type State = {
  /** Optimizer steps taken. */
  readonly step: number
  /** The weights that train; frozen ones are the model's. */
  readonly parameters: Parameters
  /** The moving average of the parameters; the same tensors as `parameters` where no average is kept. */
  readonly ema: Parameters
  /** The optimizer's own memory: by slot (such as `first_moment`), mostly one tensor a parameter. */
  readonly slots: Readonly<Record<string, Parameters>>
}

/** What one training step reports: a line of metrics.jsonl. */
export type Metrics = {
  /** Optimizer steps taken, this one included. */
  readonly step: number
  /** The objective: the batch mean of the weighted terms. */
  readonly loss: number
  /** The batch mean of every term, unweighted. */
  readonly terms: Readonly<Record<string, number>>
  readonly learningRate: number
  /** The global norm of the gradient before clipping. */
  readonly gradientNorm: number
  /** The share of samples that the plan rolls out at this step. */
  readonly rolloutProbability: number
  /** Samples of this batch that moved. */
  readonly rolledOut: number
  /** The mean over them of ‖x̂_t − x_t‖ / ‖x_t‖; 0 where none moved. */
  readonly drift: number
  /** Sample evaluations spent on rollouts: one model call on a batch of n counts n. */
  readonly evaluations: number
  /** Sample evaluations spent on predictions that the loss reads at the ideal latents. */
  readonly cleanEvaluations: number
  readonly rolloutSeconds: number
  readonly trainingSeconds: number
}
