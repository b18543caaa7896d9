import type { Model } from '../model/index.js'
import { parameter, smallBytes, substitute } from '../onnx/index.js'
import { byteLength, deferred, float32, type Parameterisation, size, type TensorOf } from '../types/index.js'
import type { Adapted } from './adapted.js'
import { type Adapter, type AdapterTensors, revalued, scaling } from './adapter.js'

/** The row `o` of B·A, in float64: Σ_r B[o, r]·A[r, …]. */
const productRow = (b: Float32Array, a: Float32Array, o: number, rank: number, row: Float64Array): void => {
  row.fill(0)
  for (let r = 0; r < rank; r++) {
    const factor = b[o * rank + r]
    for (let i = 0; i < row.length; i++) row[i] += factor * a[r * row.length + i]
  }
}

const mergedElements = ({ weight, rank, split, parts, ...adapter }: Adapter): Float32Array => {
  const { initial, inputs, outputs, kernel, layout } = weight
  const data = Float32Array.from(initial.data)
  const [slice, scale] = [outputs / split, scaling({ rank, ...adapter })]
  const row = new Float64Array(inputs * size(kernel))
  const [outStride, inStride] = layout === 'in,out' ? [1, outputs] : [row.length, 1]
  for (const { index, a, b } of parts) {
    for (let o = 0; o < slice; o++) {
      productRow(b.initial.data, a.initial.data, o, rank, row)
      const start = (index * slice + o) * outStride
      // Every element is met once, so rounding it here is rounding once.
      row.forEach((update, i) => {
        data[start + i * inStride] += scale * update
      })
    }
  }
  return data
}

/**
 * W + scale·B·A, in float64 and rounded once, in the layout that the weight is stored in. A large one is made when somebody reads it, so that
 * a model need not be in memory twice to be written.
 *
 * @example
 * const [weight] = adaptable(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 }))
 * const same = mergedWeight(freshAdapter(weight, { rank: 4, alpha: 4, variant: 'lora', split: 1, seed: 1 }))
 */
export const mergedWeight = (adapter: Adapter): TensorOf<'float32'> => {
  const { initial } = adapter.weight
  return byteLength(initial) > smallBytes
    ? deferred('float32', initial.dims, () => mergedElements(adapter))
    : float32(initial.dims, mergedElements(adapter))
}

/**
 * A plain model with the adapters folded into its weights: the layers, names and cost of the base, and the prediction of the
 * adapted model up to rounding (Hu et al. 2021, arXiv 2106.09685, section 4.1). Weights without adapters keep their tensors.
 *
 * @param tensors the adapters' values; those they begin with where left out
 * @throws GraphFailure where a value is missing or has other dimensions
 * @example
 * declare const adapted: Adapted<'epsilon'>, trained: AdapterTensors
 * const plain = merged(adapted, trained)
 */
export const merged = <P extends Parameterisation>(
  { base, adapters }: Adapted<P>,
  tensors?: AdapterTensors,
): Model<P> => {
  const weights = new Map(
    adapters.map((adapter) => [
      adapter.weight.name,
      mergedWeight(tensors === undefined ? adapter : revalued(adapter, tensors)),
    ]),
  )
  const [prediction] = substitute([base.prediction], ({ node }) => {
    const weight = node.kind === 'parameter' ? weights.get(node.name) : undefined
    return node.kind === 'parameter' && weight !== undefined ? parameter(node.name, weight) : undefined
  })
  return { ...base, prediction }
}
