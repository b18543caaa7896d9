import { add, reshape, split, type Value } from '../onnx/index.js'
import { silu } from './activation.js'
import { axis } from './axis.js'
import { convolution } from './convolution.js'
import { groupNorm, scaledGroupNorm } from './group-norm.js'
import { zeros } from './initialise.js'
import { modulate } from './layer-norm.js'
import { linear } from './linear.js'
import type { Scope } from './scope.js'

/**
 * Two 3×3 convolutions beside a short cut, each after group normalisation and SiLU; the second normalisation is scaled and shifted
 * by what the model is told (Dhariwal & Nichol 2021, arXiv 2105.05233, adaptive group normalisation). The last convolution
 * starts as zeros, so the block is the short cut at first.
 *
 * @param x [batch, in, H, W]
 * @param told [batch, width], see `conditioning`
 * @returns [batch, channels, H, W]
 * @example
 * const x = input('features', 'float32', ['batch', 32, 14, 14])
 * const told = input('told', 'float32', ['batch', 128])
 * const y = residualBlock(scope(1).at('block'), x, told, { channels: 64, groups: 8 })
 */
export const residualBlock = (
  at: Scope,
  x: Value,
  told: Value,
  { channels, groups }: { readonly channels: number; readonly groups: number },
): Value => {
  const modulation = reshape(linear(at.at('modulation'), told, 2 * channels), [0, 2 * channels, 1, 1])
  const [scale = modulation, shift = modulation] = split(modulation, [channels, channels], 1)
  const first = convolution(at.at('conv1'), silu(scaledGroupNorm(at.at('norm1'), x, groups)), channels, {
    kernel: 3,
  })
  const second = convolution(
    at.at('conv2'),
    silu(modulate(groupNorm(first, groups), scale, shift)),
    channels,
    {
      kernel: 3,
      initialise: zeros,
    },
  )
  const short = axis(x, 1) === channels ? x : convolution(at.at('short'), x, channels, { kernel: 1 })
  return add(short, second)
}
