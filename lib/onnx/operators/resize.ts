import { choice, flag, float, ints } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { times, unknown } from '../dim.js'
import { toNumbers } from '../element.js'
import type { Shape } from '../shape.js'

/** Resampling: every output index is mapped to an input coordinate, and the input is read there. */

/** The axes a Resize changes, in the order of its scales or sizes. */
const resizeAxes = (call: Call<{ readonly axes: typeof ints }>): ReadonlyArray<number> => {
  const rank = call.input(0).shape.length
  return call.attributes.axes.length > 0
    ? call.attributes.axes.map((axis) => call.axis(axis, rank))
    : Array.from({ length: rank }, (_, i) => i)
}

const resized = (call: Call<{ readonly axes: typeof ints }>): Shape => {
  const { shape } = call.input(0)
  const axes = resizeAxes(call)
  const at = (axis: number): number => axes.indexOf(axis)
  if (call.inputs[3] !== undefined) {
    const sizes = call.elements(3) ?? axes.map(() => unknown)
    if (sizes.length !== axes.length) call.fail(`${axes.length} sizes are needed, not ${sizes.length}`)
    return shape.map((dim, axis) => (at(axis) < 0 ? dim : (sizes[at(axis)] ?? dim)))
  }
  const { tensor } = call.inputs[2] ?? call.fail('scales or sizes are needed')
  if (tensor === undefined) return call.fail('the scales have to be a constant')
  const scales = toNumbers(tensor)
  if (scales.length !== axes.length) call.fail(`${axes.length} scales are needed, not ${scales.length}`)
  return shape.map((dim, axis) => {
    const scale = at(axis) < 0 ? 1 : (scales[at(axis)] ?? 1)
    if (!(scale > 0)) call.fail('scales have to be positive')
    // Scales are float32: their product with a length is floored after that rounding, as the runtime does.
    if (typeof dim === 'number') return Math.floor(Math.fround(dim * scale))
    return Number.isInteger(scale) ? times(dim, scale) : unknown
  })
}

export const resizeOperators = {
  Resize: define({
    inputs: [1, 4],
    attributes: {
      mode: choice(['nearest', 'linear', 'cubic']),
      coordinate_transformation_mode: choice([
        'half_pixel',
        'asymmetric',
        'align_corners',
        'pytorch_half_pixel',
        'half_pixel_symmetric',
        'tf_crop_and_resize',
      ]),
      nearest_mode: choice(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']),
      cubic_coeff_a: float(-0.75),
      exclude_outside: flag(false),
      extrapolation_value: float(0),
      antialias: flag(false),
      axes: ints,
      keep_aspect_ratio_policy: choice(['stretch', 'not_larger', 'not_smaller']),
    },
    settings: [1, 2, 3],
    infer: (call) => {
      if (call.attributes.keep_aspect_ratio_policy !== 'stretch') {
        call.fail('only keep_aspect_ratio_policy = stretch is supported; give the exact sizes')
      }
      return [{ type: call.input(0).type, shape: resized(call) }]
    },
  }),
}
