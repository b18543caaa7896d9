import { add, concat, GraphFailure, reshape, transpose, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { silu } from './activation.js'
import { attention } from './attention.js'
import { axis } from './axis.js'
import { conditioning } from './conditioning.js'
import { convolution } from './convolution.js'
import { groupNorm, scaledGroupNorm } from './group-norm.js'
import { zeros } from './initialise.js'
import { type ImageShape, type Model, modelInputs, type ModelOptions } from './model.js'
import { shuffled, unshuffled } from './patches.js'
import { residualBlock } from './residual-block.js'
import { scope, type Scope } from './scope.js'

export type UNetOptions<P extends Parameterisation> = ModelOptions<P, ImageShape> & {
  /** Channels at the finest level, a multiple of `groups`; each deeper level has twice those of the one above. Default 32. */
  readonly width?: number
  /** Resolutions: each level halves the image once more. Default 2. */
  readonly levels?: number
  /** Residual blocks at each level, on the way down and again on the way up. Default 1. */
  readonly depth?: number
  /**
   * The finest level works on squares of patch × patch pixels, folded into channels: with 2 the model costs a quarter of what it would
   * with 1. patch·2^(levels−1) divides the sides of the image. Default 2.
   */
  readonly patch?: number
  /** Heads of self-attention amid the deepest level. Default 0: no attention. */
  readonly heads?: number
  /** Groups of channels that are normalised together. Default 8. */
  readonly groups?: number
}

/** x plus self-attention over its pixels, without effect at first. */
const attended = (at: Scope, x: Value, heads: number, groups: number): Value => {
  const [channels, height, width] = [axis(x, 1), axis(x, 2), axis(x, 3)]
  const tokens = transpose(reshape(groupNorm(x, groups), [0, channels, height * width]), [0, 2, 1])
  const mixed = transpose(attention(at, tokens, heads, zeros), [0, 2, 1])
  return add(x, reshape(mixed, [0, channels, height, width]))
}

/**
 * A convolutional UNet (Ronneberger et al. 2015; Ho et al. 2020, arXiv 2006.11239), kept lean for short trainings: one skip connection a level
 * instead of one a block, strided convolutions down, 1×1 convolutions and a pixel shuffle up, and optional attention at the deepest
 * level only. The last convolutions of all blocks and of the model start as zeros, so the first prediction is zero.
 *
 * On small images and in short trainings it learns faster than a transformer of the same cost.
 *
 * @throws GraphFailure where the image cannot be halved so often, or groups or heads do not divide the channels
 * @example
 * const digits = unet({ parameterisation: 'flow_matching', sample: [1, 28, 28], classes: 10, seed: 1 })
 */
export const unet = <P extends Parameterisation>(options: UNetOptions<P>): Model<P> => {
  const { parameterisation, sample, classes = 0, seed } = options
  const { width = 32, levels = 2, depth = 1, patch = 2, heads = 0, groups = 8 } = options
  const [channels, height, columns] = sample
  const step = patch * 2 ** (levels - 1)
  if (height % step !== 0 || columns % step !== 0) {
    throw new GraphFailure(
      `an image of ${height}×${columns} cannot be halved to ${levels} levels from patches of ${patch}: its sides have to be multiples of ${step}`,
    )
  }
  const root = scope(seed)
  const { latents, timestep, label } = modelInputs(options)
  const told = conditioning(root.at('conditioning'), { timestep, label, classes, width: 4 * width })
  const widthAt = (level: number): number => width * 2 ** level

  const blocks = (at: Scope, x: Value, level: number): Value =>
    Array.from({ length: depth }, (_, i) => at.at('blocks').at(i)).reduce(
      (y, block) => residualBlock(block, y, told, { channels: widthAt(level), groups }),
      x,
    )

  const middle = (x: Value, level: number): Value => {
    const at = root.at('middle')
    const before = blocks(at.at('before'), x, level)
    return blocks(
      at.at('after'),
      heads > 0 ? attended(at.at('attention'), before, heads, groups) : before,
      level,
    )
  }

  /** A level and all below it: down, the deeper levels, and up again beside the skip connection. */
  const from = (x: Value, level: number): Value => {
    if (level === levels - 1) return middle(x, level)
    const [down, up] = [root.at('down').at(level), root.at('up').at(level)]
    const skip = blocks(down, x, level)
    const below = from(
      convolution(down.at('resample'), skip, widthAt(level + 1), { kernel: 3, stride: 2 }),
      level + 1,
    )
    const raised = shuffled(convolution(up.at('resample'), below, 4 * widthAt(level), { kernel: 1 }), 2)
    return blocks(up, concat([raised, skip], 1), level)
  }

  const entered = convolution(root.at('in'), unshuffled(latents, patch), width, { kernel: 3 })
  const features = silu(scaledGroupNorm(root.at('head').at('norm'), from(entered, 0), groups))
  const pixels = convolution(root.at('head'), features, channels * patch * patch, {
    kernel: 3,
    initialise: zeros,
  })
  return { parameterisation, sample, prediction: shuffled(pixels, patch) }
}
