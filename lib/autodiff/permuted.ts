import { gemm, matMul, transpose, type Value } from '../onnx/index.js'

const isTransposed = ({ node }: Value): boolean => node.kind === 'operator' && node.operator === 'Transpose'

/** Whether only the last two axes are swapped. */
const swapsLast = (perm: ReadonlyArray<number>): boolean => {
  const rank = perm.length
  const last = [rank - 1, rank - 2]
  return rank > 1 && perm.every((axis, i) => axis === (i < rank - 2 ? i : last[i - rank + 2]))
}

/**
 * A transposed value. Transposing twice cancels, and the transpose of a product is the product of swapped operands: (A·B)ᵀ = Bᵀ·Aᵀ, so
 * the gradient of a weight that is used transposed costs no copy. A Gemm transposes its operands for free; so does a MatMul once ONNX Runtime
 * has rewritten it, but of two Transposes there has to be one less.
 *
 * @example
 * const transposed = permuted(input('w', 'float32', [4, 3]), [1, 0])
 */
export const permuted = (value: Value, perm: ReadonlyArray<number>): Value => {
  const { node } = value
  if (node.kind !== 'operator') return transpose(value, perm)
  const [a, b, c] = node.inputs
  if (node.operator === 'Transpose' && a !== undefined) {
    const twice = perm.map((axis) => node.attributes.perm[axis] ?? axis)
    if (twice.every((axis, i) => axis === i)) return a
  }
  if (!swapsLast(perm) || a === undefined || b === undefined) return transpose(value, perm)
  if (node.operator === 'Gemm' && c === undefined) {
    const { alpha, transA, transB } = node.attributes
    return gemm(b, a, undefined, { alpha, transA: !transB, transB: !transA })
  }
  const ofMatrices = a.shape.length === perm.length && b.shape.length === perm.length
  return node.operator === 'MatMul' && ofMatrices && (isTransposed(a) || isTransposed(b))
    ? matMul(permuted(b, perm), permuted(a, perm))
    : transpose(value, perm)
}
