import { flag, int, type Resolved } from '../attribute.js'
import { define, type Call, type Definition, type Typed } from '../definition.js'
import { floats } from '../element.js'
import type { NoAttributes } from './broadcasting.js'
import { normaliseWindow, spatialOf, windowAttributes, windowCounts, type Window } from './window.js'

/** One number out of every window, channel by channel: x is [batch, channels, …spatial]. */

const poolAttributes = { ...windowAttributes, ceil_mode: flag(false) } as const

const normalised = (call: Call<typeof poolAttributes>): Window =>
  normaliseWindow(call, call.attributes, spatialOf(call), call.attributes.kernel_shape)

const pooled = (call: Call, window: Resolved<typeof poolAttributes>): Typed => {
  const { type, shape } = call.input(0)
  return {
    type,
    shape: [...shape.slice(0, 2), ...windowCounts(call, window, spatialOf(call), window.ceil_mode)],
  }
}

const global: Definition<NoAttributes> = define({
  inputs: [1, 1],
  attributes: {},
  infer: (call) => {
    const spatial = spatialOf(call)
    const { type, shape } = call.demand(0, floats)
    return [{ type, shape: [...shape.slice(0, 2), ...spatial.map(() => 1)] }]
  },
})

export const poolingOperators = {
  AveragePool: define({
    inputs: [1, 1],
    attributes: { ...poolAttributes, count_include_pad: flag(false) },
    normalise: (call) => ({ ...call.attributes, ...normalised(call) }),
    infer: (call) => [pooled(call, call.attributes)],
  }),
  MaxPool: define({
    inputs: [1, 1],
    outputs: [1, 2],
    attributes: { ...poolAttributes, storage_order: int(0) },
    normalise: (call) => ({ ...call.attributes, ...normalised(call) }),
    infer: (call) => {
      const result = pooled(call, call.attributes)
      return [result, { type: 'int64' as const, shape: result.shape }].slice(0, call.outputs)
    },
  }),
  GlobalAveragePool: global,
  GlobalMaxPool: global,
}
