import { isStatic, type OperatorNode, topological, type Value } from '../onnx/index.js'
import { type Parameterisation, size } from '../types/index.js'
import { atBatch } from './at-batch.js'
import type { Model } from './model.js'

const dimsOf = (value: Pick<Value, 'shape'> | undefined): ReadonlyArray<number> =>
  value !== undefined && isStatic(value.shape) ? value.shape : []

/** Multiplications of one node, counting sums of products only: everything else is small beside them. */
const products = ({ operator, inputs: [a, b], outputs: [y], attributes }: OperatorNode): number => {
  const out = size(dimsOf(y))
  switch (operator) {
    case 'MatMul':
      return out * (dimsOf(a).at(-1) ?? 0)
    case 'Gemm':
      return out * (dimsOf(a).at(attributes.transA ? 0 : 1) ?? 0)
    case 'Conv':
      return out * size(dimsOf(b).slice(1))
    default:
      return 0
  }
}

/**
 * Floating-point operations of one evaluation on one sample: twice the multiplications of its matrix products and convolutions.
 * A training step costs about three times as many.
 *
 * @example
 * const flops = flopsPerSample(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 }))
 */
export const flopsPerSample = ({ prediction }: Pick<Model<Parameterisation>, 'prediction'>): number => {
  return topological([atBatch(prediction, 1)]).reduce(
    (flops, node) => flops + (node.kind === 'operator' ? 2 * products(node) : 0),
    0,
  )
}
