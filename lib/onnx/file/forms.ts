import { float32 } from '../../types/index.js'
import * as build from '../build/index.js'
import { toNumbers } from '../element.js'
import { dequantised } from './dequantised.js'
import { asWritten, attributeOf, moved, requiredInput, type Form } from './file-node.js'
import { GraphFailure } from '../graph-failure.js'
import { microsoft } from './microsoft.js'
import { microsoftForms } from './microsoft-forms.js'
import { newerForms } from './newer-forms.js'
import { notSupported } from './not-supported.js'
import { isOperatorName } from '../operators/index.js'
import { elementCount } from '../shape.js'
import { constant, type Value } from '../value.js'

/** Axes were an attribute: of reductions until opset 18 (of ReduceSum until 13), of Squeeze and Unsqueeze until 13. */
const axesAsInput: Form = (node) => {
  const axes = attributeOf(node, 'axes', 'ints')
  return asWritten(axes === undefined ? node : moved(node, [node.inputs[0], build.integersOf(axes)], 'axes'))
}

/** Until opset 13 softmax ran over everything from `axis` (1 by default) on, not along one axis. */
const flattening: Form = (node) => {
  if (node.opset >= 13) return asWritten(node)
  const x = requiredInput(node, 0)
  const along = node.operator === 'Softmax' ? build.softmax : build.logSoftmax
  const axis = attributeOf(node, 'axis', 'int') ?? 1
  if (axis === -1 || axis === x.shape.length - 1) return [along(x, -1)]
  return [build.reshapeTo(along(build.flatten(x, axis), -1), build.shapeOf(x))]
}

const sameValue: Form = (node) => [requiredInput(node, 0)]

const dropout: Form = (node) => {
  const training = node.inputs[2]?.node
  const trains =
    training !== undefined && (training.kind !== 'constant' || toNumbers(training.tensor)[0] !== 0)
  if (trains) throw new GraphFailure('training_mode is on; export the model in eval mode')
  if (node.outputs > 1)
    throw new GraphFailure('the mask output is not supported; export the model in eval mode')
  return sameValue(node)
}

/** In training mode, which older operator sets show by its statistics alone, a batch changes what comes after it. */
const batchNormalization: Form = (node) => {
  if (node.outputs > 1 || attributeOf(node, 'training_mode', 'int') === 1)
    throw new GraphFailure('training_mode is on; export the model in eval mode')
  return asWritten(node)
}

const constantNode: Form = (node) => {
  const value = attributeOf(node, 'value', 'tensor')
  if (value !== undefined) return [constant(value)]
  const float = attributeOf(node, 'value_float', 'float')
  if (float !== undefined) return [constant(float32([], [float]))]
  const floats = attributeOf(node, 'value_floats', 'floats')
  if (floats !== undefined) return [constant(float32([floats.length], floats))]
  // Integers exactly as they are: "to the end" is the largest of 64 bits.
  const int = node.attributes.find(({ name }) => name === 'value_int')
  if (int !== undefined) return [constant({ type: 'int64', dims: [], data: BigInt64Array.of(int.i) })]
  const ints = node.attributes.find(({ name }) => name === 'value_ints')?.ints
  if (ints !== undefined)
    return [constant({ type: 'int64', dims: [ints.length], data: BigInt64Array.from(ints) })]
  throw new GraphFailure('only constants that are dense tensors or numbers are supported')
}

/** Empty tensors stand for inputs left out; before opset 11 the scales were the second input and coordinates were not shifted. */
const resize: Form = (node) => {
  const given = node.inputs.map((x) => (x === undefined || elementCount(x.shape) === 0 ? undefined : x))
  if (node.opset >= 11) return asWritten(moved(node, given))
  const mode = attributeOf(node, 'mode', 'string') === 'linear' ? 'linear' : 'nearest'
  const { node: scales } = requiredInput(node, 1)
  if (scales.kind !== 'constant') throw new GraphFailure('the scales have to be a constant')
  return [
    build.resize(requiredInput(node, 0), [...toNumbers(scales.tensor)], {
      mode,
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
  ]
}

/** Before opset 21 scale and bias were given for every group. */
const groupNormalization: Form = (node) => {
  if (node.opset >= 21) return asWritten(node)
  const x = requiredInput(node, 0)
  const channels = x.shape.at(1)
  const groups = attributeOf(node, 'num_groups', 'int')
  if (typeof channels !== 'number' || groups === undefined) {
    throw new GraphFailure('num_groups and the number of channels have to be known')
  }
  const repeated = (v: Value): Value =>
    build.reshape(build.expand(build.reshape(v, [groups, 1]), [groups, channels / groups]), [channels])
  return asWritten(moved(node, [x, repeated(requiredInput(node, 1)), repeated(requiredInput(node, 2))]))
}

const bounds: Form = (node) => {
  if (node.opset >= 11) return asWritten(node)
  const x = requiredInput(node, 0)
  return [build.clip(x, attributeOf(node, 'min', 'float'), attributeOf(node, 'max', 'float'))]
}

const padding: Form = (node) => {
  if (node.opset >= 11) return asWritten(node)
  const x = requiredInput(node, 0)
  const value = build.scalar(attributeOf(node, 'value', 'float') ?? 0, x.type)
  const pads = build.integersOf(attributeOf(node, 'pads', 'ints') ?? [])
  return asWritten(moved(node, [x, pads, value], 'pads', 'value'))
}

const slicing: Form = (node) => {
  if (node.opset >= 10) return asWritten(node)
  const list = (name: string): Value | undefined => {
    const ints = attributeOf(node, name, 'ints')
    return ints === undefined ? undefined : build.integersOf(ints)
  }
  return asWritten(
    moved(node, [node.inputs[0], list('starts'), list('ends'), list('axes')], 'starts', 'ends', 'axes'),
  )
}

const splitting: Form = (node) => {
  const sizes = attributeOf(node, 'split', 'ints')
  return asWritten(
    sizes === undefined ? node : moved(node, [node.inputs[0], build.integersOf(sizes)], 'split'),
  )
}

/**
 * Operators whose files come in several forms, or that are written with others. Whatever is not listed is read as it stands, so
 * this table is partial by nature: an operator without older forms has nothing to say here.
 */
export const forms: Readonly<Record<string, Form>> = {
  ...newerForms,
  ReduceSum: axesAsInput,
  ReduceMean: axesAsInput,
  ReduceMax: axesAsInput,
  ReduceMin: axesAsInput,
  ReduceProd: axesAsInput,
  ReduceSumSquare: axesAsInput,
  ReduceL1: axesAsInput,
  ReduceL2: axesAsInput,
  ReduceLogSum: axesAsInput,
  ReduceLogSumExp: axesAsInput,
  Squeeze: axesAsInput,
  Unsqueeze: axesAsInput,
  Softmax: flattening,
  LogSoftmax: flattening,
  Split: splitting,
  Slice: slicing,
  Pad: padding,
  Clip: bounds,
  Identity: sameValue,
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  DequantizeLinear: dequantised,
  Constant: constantNode,
  Resize: resize,
  Upsample: resize,
  GroupNormalization: groupNormalization,
  Scatter: (node) => asWritten({ ...node, operator: 'ScatterElements' }),
  CastLike: (node) => [build.cast(requiredInput(node, 0), requiredInput(node, 1).type)],
}

/**
 * The values of a node in whatever form its operator set has.
 *
 * @throws GraphFailure where the operator is not known, or its inputs or attributes do not fit
 *
 * @example
 * const node = { operator: 'Relu', domain: '', label: '', opset: 17, inputs: [input('x', 'float32', [4])], attributes: [], outputs: 1 }
 * const [y] = file.read(node)
 */
export const read: Form = (node) => {
  const { domain, operator } = node
  if (domain === '') return Object.hasOwn(forms, operator) ? forms[operator](node) : asWritten(node)
  if (domain === microsoft && Object.hasOwn(microsoftForms, operator)) return microsoftForms[operator](node)
  throw new GraphFailure(notSupported(domain, operator))
}

/**
 * Whether there is a form of an operator, which says nothing of its attributes.
 *
 * @param domain empty for ONNX's own
 *
 * @example
 * const known = file.isRead('', 'Dropout') // true
 */
export const isRead = (domain: string, operator: string): boolean =>
  domain === ''
    ? Object.hasOwn(forms, operator) || isOperatorName(operator)
    : domain === microsoft && Object.hasOwn(microsoftForms, operator)
