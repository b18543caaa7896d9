import * as E from 'fp-ts/lib/Either.js'
import type { OperatorNode, ParameterNode, Value } from '../onnx/index.js'

/** Which axis of a stored weight belongs to the layer's input: kernels are [out, in, …kernel], matrices either. */
export type Layout = 'in,out' | 'out,in'

/** A parameter as an operator reads it: as it is stored, or through a transposition. */
export type WeightRead = { readonly weight: ParameterNode; readonly transposed: boolean }

/**
 * The parameter that a value is, or is the transpose of: PyTorch's exporters write x·Wᵀ as a Transpose and a MatMul.
 *
 * @returns undefined for every other value
 * @example
 * const weight = parameter('weight', float32([2, 3], [1, 2, 3, 4, 5, 6]))
 * const transposed = sourceOf(transpose(weight, [1, 0]))?.transposed // true
 */
export const sourceOf = ({ node }: Value): WeightRead | undefined => {
  if (node.kind === 'parameter') return { weight: node, transposed: false }
  const below = node.kind === 'operator' && isMatrixTranspose(node) ? node.inputs[0]?.node : undefined
  return below?.kind === 'parameter' ? { weight: below, transposed: true } : undefined
}

/**
 * Whether an operator swaps the axes of a matrix.
 *
 * @example
 * const { node } = transpose(input('x', 'float32', [2, 3]), [1, 0])
 * const swaps = node.kind === 'operator' && isMatrixTranspose(node) // true
 */
export const isMatrixTranspose = (node: OperatorNode): boolean =>
  node.operator === 'Transpose' && node.attributes.perm.join() === '1,0'

const flipped = (layout: Layout, flip: boolean): Layout =>
  flip ? (layout === 'in,out' ? 'out,in' : 'in,out') : layout

/**
 * How the weight lies that an operator reads as input `operand`.
 *
 * @returns Left why an adapter has no place there
 * @example
 * const weight = parameter('weight', float32([2, 3], [1, 2, 3, 4, 5, 6]))
 * const { node } = matMul(input('x', 'float32', [4, 2]), weight)
 * const layout = node.kind === 'operator' ? layoutAt(node, 1, false) : undefined // in,out
 */
export const layoutAt = (
  node: OperatorNode,
  operand: number,
  transposed: boolean,
): E.Either<string, Layout> => {
  switch (node.operator) {
    case 'MatMul':
      return productLayout(node, operand, transposed)
    case 'Gemm': {
      const { transA, transB } = node.attributes
      return productLayout(node, operand, transposed !== (operand === 0 ? transA : transB))
    }
    case 'Conv':
      if (operand !== 1 || transposed) return E.left('is no kernel of its Conv')
      return node.attributes.group === 1
        ? E.right('out,in')
        : E.left(`is the kernel of a Conv in ${node.attributes.group} groups`)
    default:
      return E.left(`is read by ${node.operator}`)
  }
}

/** x·W has the input's axis first, W·x has it last. */
const productLayout = (node: OperatorNode, operand: number, flip: boolean): E.Either<string, Layout> => {
  if (operand > 1) return E.left(`is added by ${node.operator}`)
  const other = node.inputs[1 - operand]
  if (other !== undefined && sourceOf(other) !== undefined) return E.left('is multiplied by another weight')
  return E.right(flipped(operand === 1 ? 'in,out' : 'out,in', flip))
}
