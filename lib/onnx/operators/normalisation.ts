import { flag, float, int, requiredInt } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { mayEqual, type Dim } from '../dim.js'
import { floats } from '../element.js'
import { broadcast, mayMatch, showShape, type Shape } from '../shape.js'

/** Operators that centre and scale. */

/** Refuses an optional input that is not one number for each channel. */
const perChannel = (call: Call, ...inputs: ReadonlyArray<number>): void => {
  const channels: Dim = call.input(0).shape[1] ?? call.fail('input 0 has to be [batch, channels, …]')
  for (const i of inputs) {
    const [length = 1] = call.rank(i, 1).shape
    if (!mayEqual(length, channels))
      call.fail(`input ${i} has to be [${channels}], one number for each channel`)
  }
}

const unchanged = (call: Call) => {
  const { type, shape } = call.demand(0, floats)
  return [{ type, shape }]
}

/** Refuses a scale or bias that does not broadcast into the normalised axes. */
const fitting = (call: Call, i: number, shape: Shape): void => {
  const x = call.inputs[i]
  if (x === undefined) return
  const together = broadcast(x.shape, shape)
  if (together === undefined || !mayMatch(together, shape)) {
    call.fail(`input ${i} has to broadcast to ${showShape(shape)}, the normalised axes`)
  }
}

export const normalisationOperators = {
  LayerNormalization: define({
    inputs: [2, 3],
    outputs: [1, 3],
    attributes: { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
    normalise: (call) => ({
      ...call.attributes,
      axis: call.axis(call.attributes.axis, call.input(0).shape.length),
    }),
    infer: (call) => {
      const { type, shape } = call.demand(0, floats)
      const { axis } = call.attributes
      fitting(call, 1, shape.slice(axis))
      fitting(call, 2, shape.slice(axis))
      call.sameType(0, 1, 2)
      const statistic = {
        type: 'float32' as const,
        shape: shape.map((dim, i) => (i < axis ? dim : 1)),
      }
      return [{ type, shape }, statistic, statistic].slice(0, call.outputs)
    },
  }),

  InstanceNormalization: define({
    inputs: [3, 3],
    attributes: { epsilon: float(1e-5) },
    infer: (call) => {
      perChannel(call, 1, 2)
      return unchanged(call)
    },
  }),

  /** Since opset 21 scale and bias are one number for each channel, not for each group. */
  GroupNormalization: define({
    inputs: [3, 3],
    attributes: { num_groups: requiredInt, epsilon: float(1e-5), stash_type: int(1) },
    infer: (call) => {
      perChannel(call, 1, 2)
      const channels = call.input(0).shape[1]
      const { num_groups: groups } = call.attributes
      if (groups < 1 || (typeof channels === 'number' && channels % groups !== 0)) {
        call.fail(`${String(channels)} channels do not divide into ${groups} groups`)
      }
      return unchanged(call)
    },
  }),

  /** With running statistics, as at inference: the training mode has side effects and is refused. */
  BatchNormalization: define({
    inputs: [5, 5],
    attributes: { epsilon: float(1e-5), momentum: float(0.9), training_mode: flag(false) },
    settings: [3, 4],
    infer: (call) => {
      if (call.attributes.training_mode)
        call.fail('training_mode = 1 is not supported; export the model in eval mode')
      perChannel(call, 1, 2, 3, 4)
      return unchanged(call)
    },
  }),

  LpNormalization: define({
    inputs: [1, 1],
    attributes: { axis: int(-1), p: int(2) },
    normalise: (call) => ({
      ...call.attributes,
      axis: call.axis(call.attributes.axis, call.input(0).shape.length),
    }),
    infer: (call) => {
      if (![1, 2].includes(call.attributes.p)) call.fail('p has to be 1 or 2')
      return unchanged(call)
    },
  }),
}
