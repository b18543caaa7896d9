import type { Model } from '../model/index.js'
import {
  add,
  constant,
  mul,
  type Node,
  operator,
  type OperatorName,
  type OperatorNode,
  substitute,
  topological,
  type Value,
} from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { type Adapter, type AdapterTensors, revalued } from './adapter.js'
import { branch, type Factors, factorsOf } from './branch.js'
import { dropped } from './dropout.js'
import { sourceOf } from './site.js'

/** A model with adapters: its only parameters are theirs; the weights beneath are constants. */
export type Adapted<P extends Parameterisation> = Model<P> & {
  /** The model as it was, with its weights as parameters. */
  readonly base: Model<P>
  /** The base with its weights as constants: the very nodes of the adapted graph. */
  readonly frozen: Model<P>
  /** One for every weight that adapts. */
  readonly adapters: ReadonlyArray<Adapter>
  readonly dropout: AdapterDropout
}

/** Dropout on what adapters read, in training alone; as PEFT's `lora_dropout`. */
export type AdapterDropout = {
  /** Of an element being zero; the others are divided by its complement. 0 … 1 */
  readonly probability: number
  /** Integer, 0 … 2⁵³−1. */
  readonly seed: number
}

/** Adds the branch of every adapted weight to the result of every operator that reads it. */
const rewritten = (
  prediction: Value,
  factors: ReadonlyMap<string, Factors>,
  dropout: AdapterDropout,
): Value => {
  let sites = 0
  const replaced = new Map<Node, ReadonlyArray<Value>>()
  const current = (value: Value): Value => replaced.get(value.node)?.[value.output] ?? value
  for (const node of topological([prediction])) {
    if (node.kind !== 'operator') continue
    const inputs = node.inputs.map((x) => x && current(x))
    const changed = inputs.some((x, i) => x !== node.inputs[i])
    const result = changed
      ? operator<OperatorName>(node.operator, inputs, node.attributes, node.outputs.length, node.name)
      : node.outputs.map(({ type, shape }, output) => ({ node, output, type, shape }))
    const updates = updatesOf(node, inputs, factors, (x) => withDropout(x, dropout, sites++))
    if (updates.length > 0) replaced.set(node, [updates.reduce(add, result[0])])
    else if (changed) replaced.set(node, result)
  }
  return current(prediction)
}

const withDropout = (x: Value, { probability, seed }: AdapterDropout, site: number): Value =>
  probability === 0 ? x : mul(dropped(x, { probability, seed, site }), 1 / (1 - probability))

/** At most one: an operator that multiplies two weights takes no adapter. */
const updatesOf = (
  node: OperatorNode,
  inputs: ReadonlyArray<Value | undefined>,
  factors: ReadonlyMap<string, Factors>,
  read: (x: Value) => Value,
): ReadonlyArray<Value> => {
  if (node.operator === 'Transpose') return []
  return node.inputs.flatMap((x, operand) => {
    const source = x && sourceOf(x)
    const found = source && factors.get(source.weight.name)
    const other = inputs[1 - operand]
    return found === undefined || other === undefined ? [] : [branch(node, operand, read(other), found)]
  })
}

/**
 * A model with these adapters attached: base + scale·B·A wherever their weights are read. All weights of the base become
 * constants, the same ones with and without adapters.
 *
 * @param adapters of weights that `adaptable` finds in this model
 * @param dropout what of an adapter's input is dropped in training: `training` is then another value than `prediction`
 * @example
 * const model = mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })
 * const adapted = attached(
 *   model,
 *   adaptable(model).map((weight) => freshAdapter(weight, { rank: 4, alpha: 4, variant: 'lora', split: 1, seed: 1 })),
 * )
 */
export const attached = <P extends Parameterisation>(
  base: Model<P>,
  adapters: ReadonlyArray<Adapter>,
  dropout: AdapterDropout = { probability: 0, seed: 0 },
): Adapted<P> => {
  const factors = new Map(adapters.map((adapter) => [adapter.weight.name, factorsOf(adapter)]))
  const trained = new Set(
    [...factors.values()].flatMap(({ parameters }) => parameters.map(({ node }) => node)),
  )
  // Frozen together, so that both have the same constants.
  const plain = rewritten(base.prediction, factors, { ...dropout, probability: 0 })
  const noisy = dropout.probability > 0 ? [rewritten(base.prediction, factors, dropout)] : []
  const [prediction, reference, training] = substitute([plain, base.prediction, ...noisy], ({ node }) =>
    node.kind === 'parameter' && !trained.has(node) ? constant(node.initial, node.name) : undefined,
  )
  return {
    ...base,
    prediction,
    base,
    frozen: { ...base, prediction: reference },
    adapters,
    dropout,
    ...(noisy.length === 0 ? {} : { training }),
  }
}

/**
 * The reference: the frozen base beneath an adapted model, which predicts exactly what the base does. Its constants are those
 * of the adapted graph, so a file or a session with both predictions as outputs has every weight once.
 *
 * @example
 * declare const adapted: Adapted<'epsilon'>
 * const outputs = { prediction: adapted.prediction, reference: withoutAdapters(adapted).prediction }
 * const file = encode({ outputs, parameters: 'inputs' })
 */
export const withoutAdapters = <P extends Parameterisation>({
  frozen,
}: Pick<Adapted<P>, 'frozen'>): Model<P> => frozen

/**
 * The values that the adapters of a model begin with, by parameter name.
 *
 * @example
 * declare const adapted: Adapted<'epsilon'>
 * const initial = adapterTensors(adapted)
 */
export const adapterTensors = ({ adapters }: Pick<Adapted<Parameterisation>, 'adapters'>): AdapterTensors =>
  Object.fromEntries(
    adapters.flatMap(({ parts }) =>
      parts.flatMap(({ a, b }) => [a, b].map(({ name, initial }) => [name, initial] as const)),
    ),
  )

/**
 * The same model with other values in its adapters, such as those of a training state.
 *
 * @throws GraphFailure where a value is missing or has other dimensions
 * @example
 * declare const adapted: Adapted<'epsilon'>, trained: AdapterTensors
 * const after = withTensors(adapted, trained)
 */
export const withTensors = <P extends Parameterisation>(
  { base, adapters, dropout }: Adapted<P>,
  tensors: AdapterTensors,
): Adapted<P> =>
  attached(
    base,
    adapters.map((adapter) => revalued(adapter, tensors)),
    dropout,
  )
