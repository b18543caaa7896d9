import type { Path } from '../../path/index.js'
import type { Graph } from '../../onnx/index.js'
import type { ElementType, Parameterisation } from '../../types/index.js'
import type { Constant } from './constants.js'
import type { TimeConvention } from './time-convention.js'

/** One of the arrays that batches condition a model on. */
export type GivenArray = {
  readonly type: ElementType
  /** The dimensions of one sample's row. */
  readonly dims: ReadonlyArray<number>
}

export type AdoptOptions<P extends Parameterisation> = {
  /** The user's model, as `decode` reads it. */
  readonly graph: Graph
  /** What its output means. */
  readonly parameterisation: P
  /** The shape of one latent. Default: the graph's, if that says it. */
  readonly sample?: ReadonlyArray<number>
  /** What batches have beside the latents, by name. Default: whatever the graph asks for. */
  readonly conditioning?: Readonly<Record<string, GivenArray>>
  /**
   * The graph's input for `latents`, for `timestep`, and for conditioning that has another name in batches. Default: what is recognised by
   * name and shape, and for conditioning the input's own name.
   */
  readonly inputs?: Readonly<Record<string, string>>
  /**
   * Inputs that are the same for all samples, by the graph's names: those without a batch axis, such as the places of tokens, and one row of
   * others. They become constants of the graph. Default: what is recognised.
   */
  readonly constants?: Readonly<Record<string, Constant>>
  /** The graph's output that is the prediction, where there are several. */
  readonly output?: string
  /** How the model is told the time. Default: what is recognised, else `timestep`. */
  readonly time?: TimeConvention
  /** Whether the second half of the output's channels is a variance, as in Nichol & Dhariwal 2021 (arXiv 2102.09672): it is left out. Default false. */
  readonly learnedSigma?: boolean
  /** Where noise levels are told as log signal-to-noise ratios: of this path. Default: the straight one. */
  readonly path?: Path
}
