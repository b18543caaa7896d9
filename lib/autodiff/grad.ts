import * as E from 'fp-ts/lib/Either.js'
import { isFloat } from '../onnx/element.js'
import {
  isStatic,
  scalar,
  showShape,
  topological,
  valueOf,
  type Node,
  type OperatorName,
  type OperatorNodeOf,
  type Value,
} from '../onnx/index.js'
import { size, type ErrorOf } from '../types/index.js'
import { Application } from './application.js'
import { sumTo } from './broadcast.js'
import { accumulated, isPart, zeros, type Cotangent } from './cotangent.js'
import { dims } from './known.js'
import { nodeLabel, reach, type Reach } from './reach.js'
import { recomputation, type Seen } from './recomputed.js'
import { Refusal, within } from './refusal.js'
import { reshaped } from './reshaped.js'
import type { Rules } from './rule.js'
import { rules } from './rules/index.js'
import { segments } from './segments.js'

export type GradOptions = {
  /**
   * Keep few activations for the backward pass, and compute the others again when it comes to them (gradient checkpointing, Chen et
   * al. 2016, arXiv 1604.06174): less memory for at most one more forward pass. The graph is cut at its narrow places, such as
   * between blocks; a number is the most segments it is cut into. Gradients are the same. Default: all activations are kept.
   */
  readonly checkpointing?: boolean | number
}

/**
 * d loss / d w for every w of `wrt`, as values of w's shape and element type: reverse-mode differentiation, one rule for each
 * operator. The gradients are made of ordinary operators and can be differentiated again.
 *
 * Only what lies between `wrt` and the loss is looked at; every length there has to be a number (`bind` a model's batch first).
 * Where the loss does not depend on w, or only through integers, comparisons or `stopGradient`, the gradient is zero.
 *
 * @param loss one float
 * @param wrt parameters, inputs or anything between
 * @throws RangeError where `checkpointing` is a number and no integer from 1
 * @returns Left where an operator on the way has no gradient: which one, why, and the way from it to `wrt`
 *
 * @example
 * const w = parameter('w', float32([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]))
 * const y = matMul(input('x', 'float32', [8, 4]), w)
 * const gradients = grad(reduceMean(mul(y, y), undefined, false), [w])
 */
export const grad = (
  loss: Value,
  wrt: ReadonlyArray<Value>,
  options: GradOptions = {},
): E.Either<ErrorOf<'GradientError'>, ReadonlyArray<Value>> => gradWith(rules)(loss, wrt, options)

/**
 * `grad` by another table of rules: to try a new rule, or to check that a wrong one is noticed.
 *
 * @example
 * const table = rules
 * const straightThrough = gradWith({ ...table, Round: unaryRule((dy) => dy) })
 */
export const gradWith =
  (table: Rules) =>
  (
    loss: Value,
    wrt: ReadonlyArray<Value>,
    { checkpointing = false }: GradOptions = {},
  ): E.Either<ErrorOf<'GradientError'>, ReadonlyArray<Value>> => {
    if (typeof checkpointing === 'number' && !(Number.isInteger(checkpointing) && checkpointing >= 1))
      throw new RangeError(`a graph cannot be cut into ${checkpointing} segments`)
    const order = topological([loss])
    const active = reach(order, wrt, table)
    const see: See =
      checkpointing === false
        ? () => (value) => value
        : recomputation(order, segments(order, checkpointing === true ? undefined : checkpointing))
    try {
      const gradients = backward(loss, order, active, table, see)
      return E.right(
        wrt.map((w) => gradients.get(w.node)?.[w.output] ?? within(w.node, () => zeros(dims(w), w.type))),
      )
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      return E.left(explained(thrown, loss, active))
    }
  }

const explained = ({ reason, node }: Refusal, loss: Value, active: Reach): ErrorOf<'GradientError'> => {
  const at = node ?? loss.node
  return {
    _tag: 'GradientError',
    message: `cannot differentiate ${nodeLabel(at)}: it ${reason}. From there to what the gradient is asked for: ${active.route(at)}`,
    operator: at.kind === 'operator' ? at.operator : at.kind,
  }
}

/** How the backward pass of a node, given the first gradient of its segment, sees the forward pass. */
type See = (node: Node, cotangent: Value) => Seen

/** The gradient with respect to every output of every node between the loss and the sources of `active`. */
const backward = (
  loss: Value,
  order: ReadonlyArray<Node>,
  active: Reach,
  table: Rules,
  see: See,
): ReadonlyMap<Node, ReadonlyArray<Value | undefined>> => {
  if (!isFloat(loss.type) || !isStatic(loss.shape) || size(loss.shape) !== 1) {
    throw new Refusal(`is ${loss.type}${showShape(loss.shape)}, and a loss is one float`, loss.node)
  }
  const gradients = new Map<Node, ReadonlyArray<Value | undefined>>()
  const contributions = new Map<Node, ReadonlyArray<Cotangent[]>>()
  const contribute = ({ node, output }: Value, cotangent: Cotangent): void => {
    const lists = contributions.get(node) ?? node.outputs.map(() => [])
    contributions.set(node, lists)
    lists[output]?.push(cotangent)
  }
  if (active.has(loss)) contribute(loss, reshaped(scalar(1, loss.type), loss.shape))
  for (const node of [...order].reverse()) {
    within(node, () => {
      const lists = contributions.get(node)
      if (lists === undefined) return
      const outputs = lists.map((_, output) => valueOf(node, output))
      const cotangents = outputs.map((y, output) => accumulated(y, lists[output] ?? []))
      gradients.set(node, cotangents)
      const first = cotangents.find((cotangent) => cotangent !== undefined)
      if (node.kind === 'operator' && first !== undefined)
        pull(node, outputs, cotangents, active, table, see(node, first), contribute)
    })
  }
  return gradients
}

/** One step back: from the gradient of a node's outputs to that of the inputs that matter. */
const pull = <O extends OperatorName>(
  node: OperatorNodeOf<O>,
  outputs: ReadonlyArray<Value>,
  cotangents: ReadonlyArray<Value | undefined>,
  active: Reach,
  table: Rules,
  seen: Seen,
  contribute: (x: Value, cotangent: Cotangent) => void,
): void => {
  const asked = node.inputs.map((x) => x !== undefined && active.has(x))
  const rule = table[node.operator]
  if (rule === 'flat' || !asked.includes(true)) return
  if (typeof rule !== 'function') throw new Refusal(rule.refused)
  const sources = node.inputs.map((x) => x !== undefined && active.isSource(x))
  const [y] = outputs
  const at = new Application(
    node.attributes,
    node.inputs.map((x) => x && seen(x)),
    outputs.map(seen),
    cotangents,
    asked,
    sources,
  )
  const results = rule(cotangents[0] ?? zeros(dims(y), y.type), at)
  node.inputs.forEach((x, i) => {
    const result = results[i]
    if (x === undefined || result === undefined || !asked[i]) return
    const cotangent = isPart(result) ? result : sumTo(result, dims(x))
    const { type } = isPart(cotangent) ? cotangent.value : cotangent
    if (type !== x.type)
      throw new TypeError(`the rule of ${node.operator} gives input ${i}, a ${x.type}, a gradient of ${type}`)
    contribute(x, cotangent)
  })
}
