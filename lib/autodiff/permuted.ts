import { gemm, transpose, type Value } from '../onnx/index.js'

/**
 * A transposed value. Transposing twice cancels, and the transpose of a Gemm is a Gemm of swapped operands: (A·B)ᵀ = Bᵀ·Aᵀ, so the
 * gradient of a weight that is used transposed costs no copy.
 *
 * @example
 * const transposed = permuted(input('w', 'float32', [4, 3]), [1, 0])
 */
export const permuted = (value: Value, perm: ReadonlyArray<number>): Value => {
  const { node } = value
  if (node.kind === 'operator' && node.operator === 'Transpose') {
    const [x] = node.inputs
    const twice = perm.map((axis) => node.attributes.perm[axis] ?? axis)
    if (x !== undefined && twice.every((axis, i) => axis === i)) return x
  }
  if (node.kind === 'operator' && node.operator === 'Gemm' && perm.join() === '1,0') {
    const [a, b, c] = node.inputs
    const { alpha, transA, transB } = node.attributes
    if (a !== undefined && b !== undefined && c === undefined) {
      return gemm(b, a, undefined, { alpha, transA: !transB, transB: !transA })
    }
  }
  return transpose(value, perm)
}
