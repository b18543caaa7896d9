import { size, type Tensor } from '../types/index.js'
import type { AttributeKind, Attributes, AttributeValue, Resolved } from './attribute.js'
import { Call, type Definition, type Operand, type Typed } from './definition.js'
import { fromNumbers, longestShape } from './element.js'
import { definitions, type AttributesOf, type GivenAttributes, type OperatorName } from './operators/index.js'
import { unknown } from './dim.js'
import { isStatic } from './shape.js'
import { constant, type OperatorNode, type Value } from './value.js'

/** Constants are folded into results of at most this many elements, or as many as the largest input has. */
const foldedElements = 65_536

/** Folding larger inputs is left to the runtime. */
const foldedInputs = 1_048_576

/**
 * The one way to make an operator's values: fills in default attributes, brings them into canonical form, checks the inputs,
 * infers element types and shapes, and returns a constant or an input instead of a node where the result is known.
 *
 * @param inputs undefined where an optional input is left out
 * @param outputs how many outputs, for operators with a variable number (Split) or optional ones (LayerNormalization)
 * @param label a name for the node in exported files
 * @throws GraphFailure where the inputs do not fit the operator, with their shapes and what would be right
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const [logProbabilities] = operator('LogSoftmax', [x], { axis: -1 })
 */
export const operator = <O extends OperatorName>(
  name: O,
  inputs: ReadonlyArray<Value | undefined>,
  attributes: GivenAttributes<O>,
  outputs = 1,
  label?: string,
): ReadonlyArray<Value> => {
  const definition = definitions[name]
  const trimmed = withoutTrailingGaps(inputs)
  const operands = trimmed.map((x) => (x === undefined ? undefined : operandOf(x)))
  const given = new Call(name, operands, resolve(definition.attributes, attributes), outputs)
  check(given, definition)
  const normalised = definition.normalise?.(given) ?? given.attributes
  const call = new Call(name, operands, normalised, outputs)
  const inferred = definition.infer(call)
  const [first] = inferred
  for (const { shape } of inferred) {
    const bad = shape.find((dim) => typeof dim === 'number' && !(Number.isSafeInteger(dim) && dim >= 0))
    if (bad !== undefined) call.fail(`an axis of the result would have length ${bad}`)
  }
  const passed = outputs === 1 ? definition.passes?.(call, first) : undefined
  const same = passed === undefined ? undefined : trimmed[passed]
  if (same !== undefined) return [same]
  const typed = inferred.map((output) => withElements(call, definition, output))
  const folded = fold(call, definition, typed)
  if (folded !== undefined) return folded.map((tensor) => constant(tensor))
  // Name and attributes come from one row of the table, a correlation the compiler cannot follow.
  const node = {
    kind: 'operator',
    operator: name,
    attributes: normalised as AttributesOf<O>,
    inputs: trimmed,
    outputs: typed,
    ...(label === undefined ? {} : { name: label }),
  } as unknown as OperatorNode
  return typed.map(({ type, shape }, output) => ({ node, output, type, shape }))
}

/**
 * The first output of an operator, for those that have one.
 *
 * @throws GraphFailure where the inputs do not fit the operator
 *
 * @example
 * const y = single('Softmax', [input('x', 'float32', ['batch', 4])], { axis: -1 })
 */
export const single = <O extends OperatorName>(
  name: O,
  inputs: ReadonlyArray<Value | undefined>,
  attributes: GivenAttributes<O>,
): Value => {
  const value = operator(name, inputs, attributes).at(0)
  if (value === undefined) throw new TypeError(`${name} has no output`)
  return value
}

const operandOf = ({ node, output, type, shape }: Value): Operand => {
  const elements = node.outputs[output]?.elements
  return {
    type,
    shape,
    ...(elements === undefined ? {} : { elements }),
    ...(node.kind === 'constant' ? { tensor: node.tensor } : {}),
  }
}

const withoutTrailingGaps = (inputs: ReadonlyArray<Value | undefined>): ReadonlyArray<Value | undefined> => {
  let length = inputs.length
  while (length > 0 && inputs[length - 1] === undefined) length--
  return inputs.slice(0, length)
}

/** Defaults filled in; floats as the float32 numbers that files hold, so that what is folded is what would have run. */
const resolve = (
  declared: Attributes,
  given: Readonly<Record<string, AttributeValue[AttributeKind] | undefined>>,
): Resolved<Attributes> => {
  const resolved: Record<string, AttributeValue[AttributeKind]> = {}
  for (const [key, { kind, fallback }] of Object.entries(declared)) {
    const value = given[key] ?? fallback
    if (value !== undefined) {
      resolved[key] = kind === 'float' && typeof value === 'number' ? Math.fround(value) : value
    }
  }
  return resolved
}

const check = (call: Call, definition: Definition): void => {
  const {
    inputs: [fewest, most],
    outputs = [1, 1],
    attributes,
  } = definition
  const range =
    fewest === most ? String(fewest) : most === Infinity ? `${fewest} or more` : `${fewest} to ${most}`
  if (call.inputs.length < fewest || call.inputs.length > most) {
    call.fail(`takes ${range} inputs, not ${call.inputs.length}`)
  }
  for (let i = 0; i < fewest; i++) call.input(i)
  for (const [name, { required }] of Object.entries(attributes)) {
    if (required && !Object.hasOwn(call.attributes, name)) call.fail(`attribute ${name} is missing`)
  }
  if (call.outputs < outputs[0] || call.outputs > outputs[1]) {
    call.fail(`has ${outputs[0]} to ${outputs[1]} outputs, not ${call.outputs}`)
  }
}

/** Shape arithmetic: what is known of the elements of a small integer or boolean result. */
const withElements = (call: Call, definition: Definition, output: Typed): Typed => {
  const [length = 1] = output.shape
  const small = output.shape.length <= 1 && typeof length === 'number' && length <= longestShape
  const countable = small && ['int64', 'int32', 'bool'].includes(output.type)
  const elements = countable ? definition.elements?.(call, output) : undefined
  return elements?.length === length && (length === 0 || elements.some((x) => x !== unknown))
    ? { ...output, elements }
    : output
}

/** The results, where they are known and small. */
const fold = (
  call: Call,
  definition: Definition,
  outputs: ReadonlyArray<Typed>,
): ReadonlyArray<Tensor> | undefined => {
  const tensors = call.inputs.map((x) => x?.tensor)
  const known = call.inputs.every((x) => x === undefined || x.tensor !== undefined)
  const read = tensors.reduce((most, x) => Math.max(most, x === undefined ? 0 : size(x.dims)), 0)
  const written = outputs.reduce((sum, { shape }) => sum + (isStatic(shape) ? size(shape) : Infinity), 0)
  const small = read <= foldedInputs && written <= Math.max(foldedElements, read)
  const evaluated = known && small ? definition.evaluate?.(tensors, outputs, call) : undefined
  return evaluated ?? arithmetic(outputs)
}

/** Known elements are a constant even where the inputs are not: the Shape of anything whose lengths are known. */
const arithmetic = (outputs: ReadonlyArray<Typed>): ReadonlyArray<Tensor> | undefined => {
  const [{ type, shape, elements }] = outputs
  if (outputs.length > 1 || elements === undefined || !isStatic(shape) || !isStatic(elements))
    return undefined
  const tensor = fromNumbers(type, shape, elements)
  return tensor === undefined ? undefined : [tensor]
}
