import { conv, type Value } from '../onnx/index.js'
import { axis } from './axis.js'
import { type Initialiser, xavierUniform, zeros } from './initialise.js'
import type { Scope } from './scope.js'

/**
 * A square convolution with as much padding as keeps (stride 1) or divides (larger strides) height and width:
 * [batch, in, H, W] → [batch, channels, H/stride, W/stride], with `weight` [channels, in, kernel, kernel] and `bias` [channels].
 *
 * @param kernel odd
 * @param initialise the initial weight; the bias starts as zeros
 * @example
 * const x = input('features', 'float32', ['batch', 32, 14, 14])
 * const y = convolution(scope(1).at('down'), x, 64, { kernel: 3, stride: 2 }) // [batch, 64, 7, 7]
 */
export const convolution = (
  at: Scope,
  x: Value,
  channels: number,
  {
    kernel,
    stride = 1,
    initialise = xavierUniform,
  }: { readonly kernel: number; readonly stride?: number; readonly initialise?: Initialiser },
): Value => {
  const margin = (kernel - 1) / 2
  const weight = at.parameter('weight', [channels, axis(x, 1), kernel, kernel], initialise)
  return conv(x, weight, at.parameter('bias', [channels], zeros), {
    pads: [margin, margin, margin, margin],
    strides: [stride, stride],
  })
}
