import type { ElementType, Tensor } from '../types/index.js'
import type { Typed } from './definition.js'
import { canonicalDim } from './dim.js'
import type { Shape } from './shape.js'
import type { AttributesOf, OperatorName } from './operators/index.js'
import { elementsOf } from './element.js'

/**
 * One tensor of a graph: output number `output` of `node`. A graph is nothing but values: what a value depends on hangs off its
 * node. Two values are the same where node and output are.
 */
export type Value = {
  readonly node: Node
  readonly output: number
  readonly type: ElementType
  readonly shape: Shape
}

/** Fed at every run. */
export type InputNode = { readonly kind: 'input'; readonly name: string; readonly outputs: readonly [Typed] }

/** A weight and its initial value: can be trained, and is exported as an initializer or as an input. */
export type ParameterNode = {
  readonly kind: 'parameter'
  readonly name: string
  readonly initial: Tensor
  readonly outputs: readonly [Typed]
}

/** A tensor that never changes. The name, if any, is only a wish for the exported file. */
export type ConstantNode = {
  readonly kind: 'constant'
  readonly tensor: Tensor
  readonly name?: string
  readonly outputs: readonly [Typed]
}

export type OperatorNodeOf<O extends OperatorName> = {
  readonly kind: 'operator'
  readonly operator: O
  /** Every attribute present and in canonical form. */
  readonly attributes: AttributesOf<O>
  /** Undefined where an optional input is left out. */
  readonly inputs: ReadonlyArray<Value | undefined>
  readonly outputs: ReadonlyArray<Typed>
  /** Only a wish for the exported file. */
  readonly name?: string
}

export type OperatorNode = { readonly [O in OperatorName]: OperatorNodeOf<O> }[OperatorName]

export type LeafNode = InputNode | ParameterNode | ConstantNode

export type Node = LeafNode | OperatorNode

const leaf = (node: LeafNode): Value => ({
  node,
  output: 0,
  type: node.outputs[0].type,
  shape: node.outputs[0].shape,
})

/**
 * A tensor that is fed at every run. Dimensions may be symbols.
 *
 * @example
 * const latents = input('latents', 'float32', ['batch', 1, 28, 28])
 */
export const input = (name: string, type: ElementType, shape: Shape): Value =>
  leaf({ kind: 'input', name, outputs: [{ type, shape: shape.map(canonicalDim) }] })

/**
 * A weight, under the name it is exported and checkpointed by.
 *
 * @example
 * const bias = parameter('head.bias', float32([2], [0, 0]))
 */
export const parameter = (name: string, initial: Tensor): Value =>
  leaf({ kind: 'parameter', name, initial, outputs: [{ type: initial.type, shape: initial.dims }] })

/**
 * A tensor that never changes.
 *
 * @example
 * const frequencies = constant(float32([3], [1, 0.1, 0.01]))
 */
export const constant = (tensor: Tensor, name?: string): Value =>
  leaf({
    kind: 'constant',
    tensor,
    ...(name === undefined ? {} : { name }),
    outputs: [{ type: tensor.type, shape: tensor.dims, ...elementsOf(tensor) }],
  })
