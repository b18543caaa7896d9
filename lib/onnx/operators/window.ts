import { choice, ints, type Resolved } from '../attribute.js'
import type { Call } from '../definition.js'
import { floorDivide, plus, unknown, type Dim } from '../dim.js'
import { floats } from '../element.js'
import { isStatic, type Shape } from '../shape.js'

/** Windows sliding over the spatial axes of a [batch, channels, …spatial] tensor: what convolution and pooling share. */

const autoPad = choice(['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'])

export const windowAttributes = {
  auto_pad: autoPad,
  kernel_shape: ints,
  strides: ints,
  dilations: ints,
  /** Before every spatial axis, then after every spatial axis. */
  pads: ints,
} as const

export type Window = Resolved<typeof windowAttributes>

const orOnes = (list: ReadonlyArray<number>, length: number): ReadonlyArray<number> =>
  list.length > 0 ? list : new Array<number>(length).fill(1)

/**
 * Padding before and after spatial axis i together.
 *
 * @example
 * const both = windows.total([1, 0, 1, 0], 0, 2) // 2
 */
export const total = (pads: ReadonlyArray<number>, i: number, rank: number): number =>
  (pads[i] ?? 0) + (pads[i + rank] ?? 0)

/**
 * SAME padding: `amount` on both sides together, the odd one at the end (UPPER) or at the start.
 *
 * @example
 * const pads = windows.split([3, 2], true) // [1, 1, 2, 1]
 */
export const split = (amounts: ReadonlyArray<number>, upper: boolean): ReadonlyArray<number> => {
  const small = amounts.map((amount) => Math.floor(Math.max(amount, 0) / 2))
  const large = amounts.map((amount, i) => Math.max(amount, 0) - (small[i] ?? 0))
  return upper ? [...small, ...large] : [...large, ...small]
}

/**
 * The window attributes in full. SAME padding becomes explicit where the spatial lengths are numbers; while they are symbols
 * `auto_pad` stays.
 *
 * @example
 * const call = new Call('MaxPool', [{ type: 'float32', shape: ['batch', 8, 28, 28] }], {}, 1)
 * const given = { auto_pad: 'NOTSET', kernel_shape: [2, 2], strides: [2, 2], dilations: [], pads: [] } as const
 * const full = windows.normaliseWindow(call, given, windows.spatialOf(call), [2, 2])
 */
export const normaliseWindow = (
  call: Call,
  window: Window,
  spatial: Shape,
  kernel: ReadonlyArray<number>,
): Window => {
  const rank = spatial.length
  if (window.kernel_shape.length > 0 && window.kernel_shape.join() !== kernel.join()) {
    call.fail(`kernel_shape [${window.kernel_shape.join(', ')}] is not the weight's [${kernel.join(', ')}]`)
  }
  const full = {
    ...window,
    kernel_shape: kernel,
    strides: orOnes(window.strides, rank),
    dilations: orOnes(window.dilations, rank),
    pads: window.pads.length > 0 ? window.pads : new Array<number>(2 * rank).fill(0),
  }
  const lengths = { kernel_shape: rank, strides: rank, dilations: rank, pads: 2 * rank } as const
  for (const key of ['kernel_shape', 'strides', 'dilations', 'pads'] as const) {
    if (full[key].length !== lengths[key]) {
      call.fail(`${key} has ${full[key].length} entries; ${rank} spatial axes need ${lengths[key]}`)
    }
  }
  if ([...full.strides, ...full.dilations, ...full.kernel_shape].some((x) => !(x > 0))) {
    call.fail('kernel lengths, strides and dilations have to be at least 1')
  }
  if (window.auto_pad === 'NOTSET') return full
  if (window.auto_pad === 'VALID') {
    return { ...full, auto_pad: 'NOTSET', pads: new Array<number>(2 * rank).fill(0) }
  }
  if (!isStatic(spatial)) return full
  const amounts = spatial.map((length, i) => {
    const stride = full.strides[i] ?? 1
    const reach = ((kernel[i] ?? 1) - 1) * (full.dilations[i] ?? 1) + 1
    return (Math.ceil(length / stride) - 1) * stride + reach - length
  })
  return { ...full, auto_pad: 'NOTSET', pads: split(amounts, window.auto_pad === 'SAME_UPPER') }
}

/**
 * How many windows fit along every spatial axis.
 *
 * @example
 * const call = new Call('MaxPool', [{ type: 'float32', shape: ['batch', 8, 28, 28] }], {}, 1)
 * const given = { auto_pad: 'NOTSET', kernel_shape: [2, 2], strides: [2, 2], dilations: [], pads: [] } as const
 * const full = windows.normaliseWindow(call, given, windows.spatialOf(call), [2, 2])
 * const counts = windows.windowCounts(call, full, windows.spatialOf(call), false) // [14, 14]
 */
export const windowCounts = (call: Call, window: Window, spatial: Shape, ceil: boolean): Shape =>
  spatial.map((length, i): Dim => {
    const stride = window.strides[i] ?? 1
    if (window.auto_pad !== 'NOTSET') return stride === 1 ? length : unknown
    const reach = ((window.kernel_shape[i] ?? 1) - 1) * (window.dilations[i] ?? 1) + 1
    const pads = total(window.pads, i, spatial.length)
    const room = plus(length, pads - reach)
    if (typeof room !== 'number' || typeof length !== 'number') {
      return stride === 1 ? plus(room, 1) : plus(floorDivide(room, stride), 1)
    }
    if (room < 0) call.fail(`the window (${reach}) is longer than padded axis ${i + 2} (${length + pads})`)
    const count = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1
    // With ceil_mode a window may not start in the padding at the end.
    return ceil && (count - 1) * stride >= length + (window.pads[i] ?? 0) ? count - 1 : count
  })

/**
 * The spatial axes of input 0.
 *
 * @example
 * const call = new Call('MaxPool', [{ type: 'float32', shape: ['batch', 8, 28, 28] }], {}, 1)
 * const spatial = windows.spatialOf(call) // [28, 28]
 */
export const spatialOf = (call: Call): Shape => {
  const { shape } = call.demand(0, floats)
  if (shape.length < 3) call.fail('input 0 has to be [batch, channels, …] with at least one spatial axis')
  return shape.slice(2)
}
