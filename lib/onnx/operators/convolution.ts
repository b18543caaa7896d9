import { int, ints } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { mayEqual, minus, plus, times, type Dim } from '../dim.js'
import { isStatic } from '../shape.js'
import { normaliseWindow, spatialOf, split, total, windowAttributes, windowCounts } from './window.js'

/** Convolutions of x [batch, channels, …spatial] with w [out, channels / group, …kernel]. */

const kernelOf = (call: Call): ReadonlyArray<number> => {
  const spatial = spatialOf(call)
  const kernel = call.rank(1, spatial.length + 2).shape.slice(2)
  return isStatic(kernel) ? kernel : call.fail('the weight has to have a known kernel shape')
}

const bias = (call: Call, channels: Dim): void => {
  const b = call.inputs[2]
  if (b !== undefined && (b.shape.length !== 1 || !mayEqual(b.shape[0] ?? 1, channels))) {
    call.fail(`the bias has to be [${channels}]`)
  }
}

export const convolutionOperators = {
  Conv: define({
    inputs: [2, 3],
    attributes: { ...windowAttributes, group: int(1) },
    normalise: (call) => ({
      ...call.attributes,
      ...normaliseWindow(call, call.attributes, spatialOf(call), kernelOf(call)),
    }),
    infer: (call) => {
      const spatial = spatialOf(call)
      const [batch = 1, channels = 1] = call.input(0).shape
      const [out = 1, perGroup = 1] = call.input(1).shape
      const { group } = call.attributes
      if (!mayEqual(channels, times(perGroup, group))) {
        call.fail(
          `the weight takes ${perGroup} channels in each of ${group} groups, but input 0 has ${channels} channels`,
        )
      }
      if (typeof out === 'number' && out % group !== 0) {
        call.fail(`${out} output channels do not divide into ${group} groups`)
      }
      bias(call, out)
      const counts = windowCounts(call, call.attributes, spatial, false)
      return [{ type: call.sameType(0, 1, 2), shape: [batch, out, ...counts] }]
    },
  }),

  ConvTranspose: define({
    inputs: [2, 3],
    attributes: { ...windowAttributes, group: int(1), output_padding: ints, output_shape: ints },
    normalise: (call) => {
      const spatial = spatialOf(call)
      const kernel = kernelOf(call)
      const { auto_pad: auto, output_shape: wanted } = call.attributes
      const window = normaliseWindow(call, { ...call.attributes, auto_pad: 'NOTSET' }, spatial, kernel)
      const extra =
        call.attributes.output_padding.length > 0
          ? call.attributes.output_padding
          : new Array<number>(spatial.length).fill(0)
      const full = { ...call.attributes, ...window, output_padding: extra }
      if (wanted.length === 0 && (auto === 'NOTSET' || auto === 'VALID')) return full
      if (!isStatic(spatial)) return call.fail('output_shape and SAME padding need known spatial lengths')
      const amounts = spatial.map((length, i) => {
        const stride = window.strides[i] ?? 1
        const reach = ((kernel[i] ?? 1) - 1) * (window.dilations[i] ?? 1) + 1
        return (length - 1) * stride + (extra[i] ?? 0) + reach - (wanted[i] ?? length * stride)
      })
      // ONNX puts the odd one at the end only for SAME_UPPER, unlike Conv's default.
      return { ...full, pads: split(amounts, auto === 'SAME_UPPER'), output_shape: [] }
    },
    infer: (call) => {
      const spatial = spatialOf(call)
      const [batch = 1, channels = 1] = call.input(0).shape
      const [given = 1, perGroup = 1] = call.input(1).shape
      const { group, strides, dilations, pads, kernel_shape: kernel, output_padding: extra } = call.attributes
      if (!mayEqual(channels, given)) {
        call.fail(`the weight takes ${given} channels, but input 0 has ${channels}`)
      }
      bias(call, times(perGroup, group))
      const lengths = spatial.map((length, i) => {
        const reach = ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1
        const added = (extra[i] ?? 0) + reach - total(pads, i, spatial.length)
        return plus(times(minus(length, 1), strides[i] ?? 1), added)
      })
      return [{ type: call.sameType(0, 1, 2), shape: [batch, times(perGroup, group), ...lengths] }]
    },
  }),
}
