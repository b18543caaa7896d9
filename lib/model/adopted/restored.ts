import { converted, type Graph, leaves, parameter, smallBytes, substitute } from '../../onnx/index.js'
import {
  byteLength,
  deferred,
  type ElementType,
  type Parameterisation,
  type Tensor,
} from '../../types/index.js'
import type { Model } from '../model.js'

/**
 * The weights of a model, with the values it has them in, by name.
 *
 * @example
 * declare const model: Model<'epsilon'>
 * const names = Object.keys(weightsOf(model))
 */
export const weightsOf = ({
  prediction,
}: Pick<Model<Parameterisation>, 'prediction'>): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    leaves([prediction]).flatMap(({ node }) =>
      node.kind === 'parameter' ? [[node.name, node.initial]] : [],
    ),
  )

/** In another type of floats; large ones when they are asked for, so that weights are not in memory twice. */
const asType = (tensor: Tensor, type: ElementType): Tensor =>
  tensor.type === type
    ? tensor
    : byteLength(tensor) > smallBytes
      ? deferred(type, tensor.dims, () => converted(tensor, type).data)
      : converted(tensor, type)

/**
 * A graph with other values in its weights, rounded to the element types that it has them in.
 *
 * @param weights by name; others stay as they are
 * @example
 * declare const graph: Graph, model: Model<'epsilon'>
 * const after = withWeights(graph, weightsOf(model))
 */
export const withWeights = (graph: Graph, weights: Readonly<Record<string, Tensor>>): Graph => {
  const names = Object.keys(graph.outputs)
  const outputs = substitute(Object.values(graph.outputs), ({ node }) => {
    if (node.kind !== 'parameter' || !Object.hasOwn(weights, node.name)) return undefined
    const given = weights[node.name]
    return parameter(node.name, asType(given, node.initial.type))
  })
  return { ...graph, outputs: Object.fromEntries(outputs.map((value, i) => [names[i], value])) }
}
