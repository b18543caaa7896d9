import * as E from 'fp-ts/lib/Either.js'
import {
  add,
  type AttributesOf,
  cast,
  decode,
  draft,
  mul,
  type OperatorName,
  type OperatorNode,
  pow,
  reduceMean,
  rewrite,
  single,
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

/**
 * The values as the operator has them, and the statistics (float32) in operators that every device has. Where the values are read elsewhere
 * without statistics, it is the same operator.
 */
const layerNormalization = (
  inputs: ReadonlyArray<Value | undefined>,
  x: Value,
  attributes: AttributesOf<'LayerNormalization'>,
): ReadonlyArray<Value> => {
  const axes = [...x.shape.keys()].slice(attributes.axis)
  const wide = cast(x, 'float32')
  const mean = reduceMean(wide, axes)
  const centred = sub(wide, mean)
  const variance = reduceMean(mul(centred, centred), axes)
  const inverse = pow(add(variance, attributes.epsilon), -0.5)
  return [single('LayerNormalization', inputs, attributes), mean, inverse]
}

const withStatistics = (outputs: ReadonlyArray<Value>): ReadonlyArray<Value> =>
  rewrite(outputs, (node, inputs) => {
    const [x] = inputs
    return node.operator === 'LayerNormalization' && wantsStatistics(node) && x !== undefined
      ? layerNormalization(inputs, x, node.attributes)
      : undefined
  })

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
