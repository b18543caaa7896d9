import { conv, convTranspose, reduceSum, slice, transpose, type Value } from '../../onnx/index.js'
import { size } from '../../types/index.js'
import { dims } from '../known.js'
import { reshaped } from '../reshaped.js'
import { weightGradient, type Sliding } from '../weight-gradient.js'
import type { Rule, Rules } from '../rule.js'

/** Σ over batch and pixels: one number for each channel. */
const perChannel = (dy: Value): Value =>
  reduceSum(
    dy,
    [...dy.shape.keys()].filter((axis) => axis !== 1),
    false,
  )

/** The weight seen from the other side: [channels, out / group, …kernel]. */
const turned = (w: Value, group: number): Value => {
  const [out = 1, inner = 1, ...kernel] = dims(w)
  if (group === 1) return transpose(w, [1, 0, ...kernel.map((_, i) => i + 2)])
  const outer = out / group
  return reshaped(
    transpose(reshaped(w, [group, outer, inner, ...kernel]), [0, 2, 1, ...kernel.map((_, i) => i + 3)]),
    [group * inner, outer, ...kernel],
  )
}

/** Every spatial axis reversed: as one axis, which is the same. */
const reversed = (x: Value): Value => {
  const [lead, spatial] = [dims(x).slice(0, 2), dims(x).slice(2)]
  return size(spatial) === 1
    ? x
    : reshaped(slice(reshaped(x, [...lead, size(spatial)]), [-1], [-(2 ** 31)], [2], [-1]), dims(x))
}

/**
 * With stride 1, x̄ is ȳ convolved with the flipped weight through this window; undefined for other strides, and where more was
 * padded than the kernel reaches.
 */
const mirrored = ({ strides, pads, dilations, kernel_shape, group }: Sliding): Sliding | undefined => {
  const opposite = pads.map((n, i) => {
    const axis = i % kernel_shape.length
    return (kernel_shape[axis] - 1) * dilations[axis] - n
  })
  return strides.every((stride) => stride === 1) && opposite.every((n) => n >= 0)
    ? { strides, pads: opposite, dilations, kernel_shape, group }
    : undefined
}

/** The same window for reversed images. */
const backwards = ({ pads, ...window }: Sliding): Sliding => ({
  ...window,
  pads: [...pads.slice(pads.length / 2), ...pads.slice(0, pads.length / 2)],
})

/**
 * x̄ of y = conv(x, w). With stride 1 it is a convolution of ȳ by the flipped weight, on ONNX Runtime's CPU half the time of the
 * ConvTranspose that it is in general. Where the weight is larger than the images, these are flipped instead: 43 ms against 55 (512
 * channels of 8×8 pixels, batch 8). (For stride 2 that one wins: 12 ms, against 22 as four interleaved convolutions and 37 over
 * ȳ with zeros between; 64 channels of 32×32 pixels, batch 32.)
 */
const inputGradient = (dy: Value, x: Value, w: Value, window: Sliding): Value => {
  const mirror = mirrored(window)
  if (mirror !== undefined) {
    const back = turned(w, window.group)
    return size(dims(w)) <= size(dims(x)) + size(dims(dy))
      ? conv(dy, reversed(back), undefined, mirror)
      : reversed(conv(reversed(dy), back, undefined, backwards(mirror)))
  }
  const { strides, pads, dilations, kernel_shape: kernel, group } = window
  const [before, counts] = [dims(x).slice(2), dims(dy).slice(2)]
  // Pixels at the end that no window reached get a gradient of zero.
  const output_padding = before.map((length, i) => {
    const padding = pads[i] + pads[i + kernel.length]
    return length - ((counts[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - padding)
  })
  return convTranspose(dy, w, undefined, { strides, pads, dilations, group, output_padding })
}

/**
 * w̄ of y = conv(x, w). The patches of the tensor with fewer channels are the smaller matrix: where that is ȳ, x plays the gradient
 * in the mirrored convolution, whose weight is the flipped one.
 */
const kernelGradient = (dy: Value, x: Value, window: Sliding): Value => {
  const [[, channels], [, out]] = [dims(x), dims(dy)]
  const mirror = out < channels && size(window.kernel_shape) > 1 ? mirrored(window) : undefined
  return mirror === undefined
    ? weightGradient(x, dy, window)
    : reversed(turned(weightGradient(dy, x, mirror), window.group))
}

const forward: Rule<'Conv'> = (dy, at) => {
  const [x, w] = [at.input(0), at.input(1)]
  return [
    at.wants(0) ? inputGradient(dy, x, w, at.attributes) : undefined,
    at.wants(1) ? kernelGradient(dy, x, at.attributes) : undefined,
    at.inputs[2] === undefined ? undefined : perChannel(dy),
  ]
}

/** y = convᵀ(x, w): the roles of x and ȳ in a convolution by the same weight are swapped. */
const transposed: Rule<'ConvTranspose'> = (dy, at) => {
  const [x, w] = [at.input(0), at.input(1)]
  const { strides, pads, dilations, group, kernel_shape } = at.attributes
  // Where output_padding added pixels, the convolution back would count windows that x does not have.
  return [
    at.wants(0) ? cropped(conv(dy, w, undefined, { strides, pads, dilations, group }), dims(x)) : undefined,
    at.wants(1) ? weightGradient(dy, x, { strides, pads, dilations, group, kernel_shape }) : undefined,
    at.inputs[2] === undefined ? undefined : perChannel(dy),
  ]
}

const cropped = (value: Value, shape: ReadonlyArray<number>): Value =>
  slice(
    value,
    shape.map(() => 0),
    shape,
    [...shape.keys()],
  )

/** Convolutions. auto_pad has become explicit padding where the spatial lengths are known, which gradients demand. */
export const convolving = { Conv: forward, ConvTranspose: transposed } satisfies Partial<Rules>
