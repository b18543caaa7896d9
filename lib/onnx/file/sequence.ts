import * as build from '../build/index.js'
import { toNumbers } from '../element.js'
import { GraphFailure } from '../graph-failure.js'
import { labelOf } from './label.js'
import type { NodeProto } from '../proto/onnx_pb.js'
import { axisOf } from '../shape.js'
import type { Value } from '../value.js'
import { defineName, lookUp, type Scope } from './scope.js'

/**
 * Lists of tensors, which exporters that do not optimise write for `torch.split`: taken apart while reading, so that nothing but
 * tensors is left. Lists are made by SplitToSequence and SequenceConstruct and read by SequenceAt and ConcatFromSequence.
 *
 * @returns whether the node was one of these
 * @throws GraphFailure where lengths or indices are not known
 *
 * @example
 * declare const node: file.NodeProto
 * declare const scope: file.Scope
 * const done = file.runSequence(node, scope)
 */
export const runSequence = (node: NodeProto, scope: Scope): boolean => {
  if (!isSequenceStep(node.opType)) return false
  const label = labelOf(node)
  try {
    steps[node.opType](node, scope)
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error
    throw new GraphFailure(`node "${label}" (${node.opType}): ${error.message}`, label)
  }
  return true
}

const tensorAt = (node: NodeProto, i: number, scope: Scope): Value => {
  const value = lookUp(scope, node.input[i] ?? '', 'it')
  if (value === undefined) throw new GraphFailure(`input ${i} is missing`)
  return value
}

const sequenceAt = (node: NodeProto, scope: Scope): ReadonlyArray<Value> => {
  const name = node.input[0] ?? ''
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const sequence = at.sequences.get(name)
    if (sequence !== undefined) return sequence
  }
  throw new GraphFailure(`it reads the list "${name}", which nothing before it makes`, name)
}

const intOf = (node: NodeProto, name: string, fallback: number): number => {
  const attribute = node.attribute.find((candidate) => candidate.name === name)
  return attribute === undefined ? fallback : Number(attribute.i)
}

const integersOf = (value: Value): ReadonlyArray<number> => {
  if (value.node.kind !== 'constant') throw new GraphFailure('lengths and indices have to be constants')
  return [...toNumbers(value.node.tensor)]
}

/** A list is not worth more than a model's longest axis that is ever split. */
const longest = 4096

/** The lengths of the parts: given, or all the same but for a shorter last one. */
const parts = (node: NodeProto, length: number, scope: Scope): ReadonlyArray<number> => {
  const given = (node.input.at(1) ?? '') !== '' ? tensorAt(node, 1, scope) : undefined
  if (given !== undefined && given.shape.length === 1) return integersOf(given)
  const [size = 1] = given === undefined ? [1] : integersOf(given)
  if (!(size >= 1) || length / size > longest)
    throw new GraphFailure(`parts of length ${size} of ${length} elements are not supported`)
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size))
}

const splitToSequence = (node: NodeProto, scope: Scope): void => {
  const x = tensorAt(node, 0, scope)
  const axis = axisOf(intOf(node, 'axis', 0), x.shape.length)
  const length = axis === undefined ? undefined : x.shape[axis]
  if (axis === undefined || typeof length !== 'number')
    throw new GraphFailure('the length of the axis has to be known; bind symbolic dimensions to numbers')
  const values = build.split(x, parts(node, length, scope), axis)
  const drop = (node.input.at(1) ?? '') === '' && intOf(node, 'keepdims', 1) === 0
  scope.sequences.set(node.output[0] ?? '', drop ? values.map((y) => build.squeeze(y, [axis])) : values)
}

const elementAt = (node: NodeProto, scope: Scope): void => {
  const sequence = sequenceAt(node, scope)
  const [index = 0] = integersOf(tensorAt(node, 1, scope))
  const value = sequence.at(index)
  if (value === undefined) throw new GraphFailure(`index ${index} is outside a list of ${sequence.length}`)
  defineName(scope, node.output[0] ?? '', value)
}

const concatenated = (node: NodeProto, scope: Scope): void => {
  const sequence = sequenceAt(node, scope)
  const axis = intOf(node, 'axis', 0)
  const fresh = intOf(node, 'new_axis', 0) === 1
  const values = fresh ? sequence.map((x) => build.unsqueeze(x, [axis])) : sequence
  defineName(scope, node.output[0] ?? '', build.concat(values, axis))
}

/**
 * Whether an operator makes or reads lists in a way that `runSequence` takes apart.
 *
 * @example
 * const known = file.isSequenceStep('SequenceAt') // true
 */
export const isSequenceStep = (operator: string): boolean => Object.hasOwn(steps, operator)

const steps: Readonly<Record<string, (node: NodeProto, scope: Scope) => void>> = {
  SplitToSequence: splitToSequence,
  SequenceConstruct: (node, scope) => {
    scope.sequences.set(
      node.output[0] ?? '',
      node.input.map((_, i) => tensorAt(node, i, scope)),
    )
  },
  SequenceAt: elementAt,
  ConcatFromSequence: concatenated,
}
