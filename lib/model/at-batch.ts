import { input, substitute, type Value } from '../onnx/index.js'

/**
 * A model's prediction with its symbolic batch made a number: gradients and counts need static shapes.
 *
 * @example
 * const { prediction } = mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })
 * const { shape } = atBatch(prediction, 32) // 32, 2
 */
export const atBatch = (prediction: Value, batchSize: number): Value => {
  const [value = prediction] = substitute([prediction], (leaf) =>
    leaf.node.kind === 'input'
      ? input(
          leaf.node.name,
          leaf.type,
          leaf.shape.map((dim) => (dim === 'batch' ? batchSize : dim)),
        )
      : undefined,
  )
  return value
}
