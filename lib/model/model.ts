import { type Graph, input, leaves, type Value } from '../onnx/index.js'
import { type Parameterisation, size } from '../types/index.js'

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
  /**
   * What is trained in place of the prediction, where that is not the same: with dropout, say. It may read the scalar input
   * `trainingStep`.
   */
  readonly training?: Value
  /** Of a model that was not built here (`adopted`): the graph as it came, whose names and element types exported files have. */
  readonly origin?: Graph
}

/** The name of a float32 scalar that only `training` reads: how many steps have been taken. The state counts them. */
export const trainingStep = { slot: 'dropout', name: 'step' } as const

/** What every builder of a denoiser needs to know. */
export type ModelOptions<
  P extends Parameterisation,
  Sample extends ReadonlyArray<number> = ReadonlyArray<number>,
> = {
  /** What the prediction means. */
  readonly parameterisation: P
  /** The shape of one latent. */
  readonly sample: Sample
  /**
   * How many classes there are. The model then has an input `label` [batch] int64: 0 … classes−1 is a class, `classes` is
   * "no class". Default: none, and no such input.
   */
  readonly classes?: number
  /** Names the initial weights: integer, 0 … 2⁵³−1. */
  readonly seed: number
}

/** An image: [channels, height, width]. */
export type ImageShape = readonly [channels: number, height: number, width: number]

/** The inputs of a denoiser, under the names that every part of deriva feeds them by. */
export type ModelInputs = {
  readonly latents: Value
  readonly timestep: Value
  /** Undefined where the model knows no classes. */
  readonly label: Value | undefined
}

/**
 * Makes those inputs, with the batch as a symbol.
 *
 * @example
 * const { latents, timestep, label } = modelInputs({ sample: [1, 28, 28], classes: 10 })
 */
export const modelInputs = ({
  sample,
  classes = 0,
}: Pick<ModelOptions<Parameterisation>, 'sample' | 'classes'>): ModelInputs => ({
  latents: input('latents', 'float32', ['batch', ...sample]),
  timestep: input('timestep', 'float32', ['batch']),
  label: classes > 0 ? input('label', 'int64', ['batch']) : undefined,
})

/**
 * The number of weights.
 *
 * @example
 * const weights = parameterCount(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 }))
 */
export const parameterCount = ({ prediction }: Pick<Model<Parameterisation>, 'prediction'>): number =>
  leaves([prediction]).reduce(
    (n, { node }) => (node.kind === 'parameter' ? n + size(node.initial.dims) : n),
    0,
  )
