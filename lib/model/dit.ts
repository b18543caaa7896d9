import { add, GraphFailure, mul, reshape, split, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { silu } from './activation.js'
import { attention } from './attention.js'
import { axis } from './axis.js'
import { conditioning } from './conditioning.js'
import { zeros } from './initialise.js'
import { layerNorm, modulate } from './layer-norm.js'
import { linear } from './linear.js'
import { type ImageShape, type Model, modelInputs, type ModelOptions } from './model.js'
import { assembled, patches } from './patches.js'
import { gridPositions } from './position.js'
import { scope, type Scope } from './scope.js'

export type DiTOptions<P extends Parameterisation> = ModelOptions<P, ImageShape> & {
  /** The side of the square of pixels that becomes one token; divides the sides of the image. Default 4. */
  readonly patch?: number
  /** Channels of a token: a multiple of 4 and of `heads`. Default 128. */
  readonly width?: number
  /** Transformer blocks. Default 4. */
  readonly depth?: number
  /** Default 4. */
  readonly heads?: number
  /** Channels inside a block's perceptron, as a multiple of `width`. Default 4. */
  readonly ratio?: number
}

/** `count` vectors for every sample from what it was told, zero at first: [batch, 1, width] each, to be broadcast over tokens. */
const modulation = (at: Scope, told: Value, count: number, width: number): ReadonlyArray<Value> => {
  const all = reshape(linear(at.at('modulation'), told, count * width, zeros), [0, 1, count * width])
  return split(all, new Array<number>(count).fill(width), 2)
}

/** One block: attention and a perceptron, each normalised, modulated and gated by time and class (DiT, figure 3, adaLN-Zero). */
const block = (at: Scope, x: Value, told: Value, heads: number, ratio: number): Value => {
  const width = axis(x, -1)
  const [shift1 = x, scale1 = x, gate1 = x, shift2 = x, scale2 = x, gate2 = x] = modulation(
    at,
    told,
    6,
    width,
  )
  const attended = attention(at.at('attention'), modulate(layerNorm(x), scale1, shift1), heads)
  const y = add(x, mul(gate1, attended))
  const hidden = silu(linear(at.at('mlp').at('in'), modulate(layerNorm(y), scale2, shift2), ratio * width))
  return add(y, mul(gate2, linear(at.at('mlp').at('out'), hidden, width)))
}

/**
 * A diffusion transformer with adaLN-Zero conditioning (Peebles & Xie 2023, arXiv 2212.09748). Linear layers start Xavier-uniform; the
 * modulations and the last layer start as zeros, so every block is the identity at first and the first prediction is zero.
 *
 * Differs from the paper: SiLU instead of GELU in the perceptrons (cheaper as standard operators), 64 timestep features instead
 * of 256, and class rows of deviation 1 (see `conditioning`).
 *
 * @throws GraphFailure where the patches do not tile the image, or the width is no multiple of 4 and of `heads`
 * @example
 * const digits = dit({ parameterisation: 'flow_matching', sample: [1, 28, 28], classes: 10, seed: 1 })
 */
export const dit = <P extends Parameterisation>(options: DiTOptions<P>): Model<P> => {
  const { parameterisation, sample, classes = 0, seed } = options
  const { patch = 4, width = 128, depth = 4, heads = 4, ratio = 4 } = options
  const [channels, height, columns] = sample
  if (width % 4 !== 0)
    throw new GraphFailure(`a width of ${width} does not hold the positions: it has to be a multiple of 4`)
  const root = scope(seed)
  const { latents, timestep, label } = modelInputs(options)
  const told = conditioning(root.at('conditioning'), { timestep, label, classes, width })
  const embedded = linear(root.at('patches'), patches(latents, patch), width)
  const positioned = add(embedded, gridPositions(height / patch, columns / patch, width))
  const tokens = Array.from({ length: depth }, (_, i) => root.at('blocks').at(i)).reduce(
    (x, at) => block(at, x, told, heads, ratio),
    positioned,
  )
  const head = root.at('head')
  const [shift = tokens, scale = tokens] = modulation(head, told, 2, width)
  const pixels = linear(head, modulate(layerNorm(tokens), scale, shift), channels * patch * patch, zeros)
  return { parameterisation, sample, prediction: assembled(pixels, sample, patch) }
}
