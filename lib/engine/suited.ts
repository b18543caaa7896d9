import * as E from 'fp-ts/lib/Either.js'
import {
  add,
  cast,
  decode,
  div,
  draft,
  mul,
  type OperatorName,
  type OperatorNode,
  reduceMean,
  rewrite,
  sqrt,
  sub,
  type Value,
} from '../onnx/index.js'
import { inBlocks } from './blocked.js'
import { channelBlock } from './channel-block.js'
import type { Device } from './device.js'
import { flattened } from './flattened.js'
import { externalOf, inParts, type ModelParts } from './parts.js'

/** ONNX Runtime's LayerNormalization on graphics cards gives the normalised values and leaves its other outputs, the statistics, empty. */
const wantsStatistics = (node: OperatorNode): boolean =>
  node.operator === 'LayerNormalization' && node.outputs.length > 1

/** The statistics (float32, as the operator has them) and what follows from them, in operators that every device has. */
const layerNormalization = (
  x: Value,
  scale: Value,
  bias: Value | undefined,
  { axis, epsilon }: { readonly axis: number; readonly epsilon: number },
): ReadonlyArray<Value> => {
  const rank = x.shape.length
  const from = axis < 0 ? axis + rank : axis
  const axes = Array.from({ length: rank - from }, (_, i) => from + i)
  const wide = cast(x, 'float32')
  const mean = reduceMean(wide, axes)
  const centred = sub(wide, mean)
  const inverse = div(1, sqrt(add(reduceMean(mul(centred, centred), axes), epsilon)))
  const scaled = mul(cast(mul(centred, inverse), x.type), scale)
  return [bias === undefined ? scaled : add(scaled, bias), mean, inverse]
}

const withStatistics = (outputs: ReadonlyArray<Value>): ReadonlyArray<Value> =>
  rewrite(outputs, (node, [x, scale, bias]) =>
    node.operator === 'LayerNormalization' && wantsStatistics(node) && x !== undefined && scale !== undefined
      ? layerNormalization(x, scale, bias, node.attributes)
      : undefined,
  )

/** What is written in other operators, and an operator without which there is nothing to do: most models need not even be read. */
const suitings: {
  readonly [D in Device]: {
    readonly about: OperatorName
    readonly suit: (outputs: ReadonlyArray<Value>) => ReadonlyArray<Value>
  }
} = {
  cpu: { about: 'Conv', suit: flattened },
  cuda: { about: 'LayerNormalization', suit: withStatistics },
  webgpu: { about: 'LayerNormalization', suit: withStatistics },
}

/**
 * Values of a graph as a device can compute them, and fast; the same where there is nothing to change.
 *
 * @example
 * declare const outputs: ReadonlyArray<Value>
 * const forCard = suitedTo('cuda', outputs)
 */
export const suitedTo = (device: Device, outputs: ReadonlyArray<Value>): ReadonlyArray<Value> =>
  suitings[device].suit(outputs)

const mentions = (model: Uint8Array, operator: OperatorName): boolean =>
  Buffer.from(model.buffer, model.byteOffset, model.length).includes(operator)

/**
 * A model as a device can compute it, and fast: operators of which ONNX Runtime has only a part there, or at which it is slow, are written in
 * others.
 *
 * @returns the same model where there is nothing to change, or nothing that can be understood
 * @example
 * declare const model: ModelParts
 * const forGpu: Promise<ModelParts> = suited(model, 'webgpu')
 */
export const suited = async (model: ModelParts, device: Device): Promise<ModelParts> => {
  if (!mentions(model.model, suitings[device].about)) return model
  const read = decode(model.model, { external: externalOf(model) })
  if (E.isLeft(read)) return model
  const { inputs, outputs, metadata } = read.right
  const before = Object.values(outputs)
  const suitable = suitedTo(device, before)
  const block = device === 'cpu' ? await channelBlock() : undefined
  const { values, ...written } = block === undefined ? { values: suitable } : inBlocks(suitable, block)
  if (values.every((value, i) => value === before[i])) return model
  const whole = draft({
    inputs,
    outputs: Object.fromEntries(Object.keys(outputs).map((name, i) => [name, values[i]])),
    metadata,
    parameters: 'initializers',
    ...written,
  })
  // What is in memory by now stays there.
  return inParts(whole, Infinity, () => Promise.resolve([]))
}
