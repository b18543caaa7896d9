import * as E from 'fp-ts/lib/Either.js'
import {
  add,
  cast,
  decode,
  div,
  encode,
  mul,
  type OperatorNode,
  reduceMean,
  rewrite,
  sqrt,
  sub,
  topological,
  type Value,
} from '../onnx/index.js'
import type { Device } from './device.js'

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

const replacement = (
  node: OperatorNode,
  [x, scale, bias]: ReadonlyArray<Value | undefined>,
): ReadonlyArray<Value> | undefined =>
  node.operator === 'LayerNormalization' && wantsStatistics(node) && x !== undefined && scale !== undefined
    ? layerNormalization(x, scale, bias, node.attributes)
    : undefined

/**
 * Values of a graph as a device can compute them; the same where there is nothing to change.
 *
 * @example
 * declare const outputs: ReadonlyArray<Value>
 * const forCard = suitedTo('cuda', outputs)
 */
export const suitedTo = (device: Device, outputs: ReadonlyArray<Value>): ReadonlyArray<Value> =>
  device !== 'cpu' && topological(outputs).some((node) => node.kind === 'operator' && wantsStatistics(node))
    ? rewrite(outputs, replacement)
    : outputs

/**
 * A model as a device can compute it: operators of which ONNX Runtime has only a part there are written in others.
 *
 * @returns the same bytes where there is nothing to change, or nothing that can be understood
 * @example
 * declare const model: Uint8Array
 * const forGpu = suited(model, 'webgpu')
 */
export const suited = (model: Uint8Array, device: Device): Uint8Array => {
  if (device === 'cpu') return model
  const read = decode(model)
  if (E.isLeft(read)) return model
  const { inputs, outputs, metadata } = read.right
  const values = Object.values(outputs)
  const suitable = suitedTo(device, values)
  if (suitable === values) return model
  return encode({
    inputs,
    outputs: Object.fromEntries(Object.keys(outputs).map((name, i) => [name, suitable[i]])),
    metadata,
    parameters: 'initializers',
  })
}
