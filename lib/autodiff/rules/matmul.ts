import { einsum, einsumEquation, expand, gemm, matMul, type Value } from '../../onnx/index.js'
import { size } from '../../types/index.js'
import { permuted } from '../permuted.js'
import { scaled, sumTo } from '../broadcast.js'
import { dims } from '../known.js'
import { reshaped } from '../reshaped.js'
import type { Rule, Rules } from '../rule.js'

/** A matrix, or the matrix it is the transpose of. */
const untransposed = (matrix: Value): { readonly value: Value; readonly trans: boolean } => {
  const { node } = matrix
  const inner =
    node.kind === 'operator' && node.operator === 'Transpose' && matrix.shape.length === 2
      ? node.inputs[0]
      : undefined
  return inner === undefined ? { value: matrix, trans: false } : { value: inner, trans: true }
}

/** The last two axes swapped. */
const swapped = (value: Value): Value => {
  const rank = value.shape.length
  return permuted(value, [...value.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2))
}

/**
 * y = a·b with all of b's batch axes of length 1: every row of a meets the same matrix, so a is one tall matrix. The weight's
 * gradient is then one product over all rows rather than a batch of small ones and their sum.
 */
const tall = (dy: Value, a: Value, b: Value): readonly [Value, Value] => {
  const [shape, [k = 1, n = 1]] = [dims(a), dims(b).slice(-2)]
  const rows = size(shape) / k
  const [a2, dy2] = [reshaped(a, [rows, k]), reshaped(dy, [rows, n])]
  const weight = untransposed(reshaped(b, [k, n]))
  return [
    reshaped(gemm(dy2, weight.value, undefined, { transB: !weight.trans }), shape),
    reshaped(gemm(a2, dy2, undefined, { transA: true }), dims(b)),
  ]
}

/** y = a·b, over batch axes.  ā = ȳ·bᵀ, b̄ = aᵀ·ȳ. Vectors are matrices with one row or column. */
const matrixProduct: Rule<'MatMul'> = (dy, at) => {
  const [a, b] = [at.input(0), at.input(1)]
  const [left, right] = [dims(a), dims(b)]
  const row = left.length === 1 ? reshaped(a, [1, ...left]) : a
  const column = right.length === 1 ? reshaped(b, [...right, 1]) : b
  const batch = dims(dy).slice(0, dims(dy).length - (left.length > 1 ? 1 : 0) - (right.length > 1 ? 1 : 0))
  const [m = 1, n = 1] = [dims(row).at(-2), dims(column).at(-1)]
  const g = reshaped(dy, [...batch, m, n])
  const shared = size(dims(column).slice(0, -2)) === 1
  const [da, db] = shared ? tall(g, row, column) : [matMul(g, swapped(column)), matMul(swapped(row), g)]
  return [left.length === 1 ? sumTo(da, left) : da, right.length === 1 ? reshaped(db, right) : db]
}

/** y = α A·B + β C with A = a or aᵀ, B = b or bᵀ.  Ā = α ȳ·Bᵀ, B̄ = α Aᵀ·ȳ, transposed back; C̄ = β ȳ. */
const gemmRule: Rule<'Gemm'> = (dy, at) => {
  const [a, b] = [at.input(0), at.input(1)]
  const { alpha, beta, transA, transB } = at.attributes
  return [
    transA
      ? gemm(b, dy, undefined, { alpha, transA: transB, transB: true })
      : gemm(dy, b, undefined, { alpha, transB: !transB }),
    transB
      ? gemm(dy, a, undefined, { alpha, transA: true, transB: transA })
      : gemm(a, dy, undefined, { alpha, transA: !transA }),
    at.inputs[2] === undefined ? undefined : scaled(dy, beta),
  ]
}

/** Labels as letters again: Einsum's ellipsis axes get letters of their own. */
const lettersFor = (labels: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const free = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz').filter(
    (letter) => !labels.includes(letter),
  )
  return new Map(labels.map((label) => [label, label.startsWith('.') ? (free.pop() ?? label) : label]))
}

/**
 * y = Σ of products of the inputs' elements over the labels y lacks.  x̄ᵢ is the same sum with ȳ in xᵢ's place and xᵢ's labels asked
 * for. A label that only xᵢ has was summed alone: its gradient is repeated along it.
 */
const einsumRule: Rule<'Einsum'> = (dy, at) => {
  const values = at.inputs.map((_, i) => at.input(i))
  const parsed = einsumEquation(
    at.attributes.equation,
    values.map((x) => x.shape.length),
  )
  if (parsed === undefined) return at.refuse('has an equation that does not fit its inputs')
  const letters = lettersFor([...new Set([...parsed.inputs.flat(), ...parsed.output])])
  const written = (labels: ReadonlyArray<string>): string =>
    labels.map((label) => letters.get(label) ?? label).join('')
  return values.map((x, i) => {
    if (!at.wants(i)) return undefined
    const own = parsed.inputs[i] ?? []
    if (new Set(own).size !== own.length) return at.refuse('reads a diagonal (one label twice in an input)')
    const others = values.flatMap((value, j) => (j === i ? [] : [{ value, labels: parsed.inputs[j] ?? [] }]))
    const operands = [{ value: dy, labels: parsed.output }, ...others]
    const known = new Set(operands.flatMap(({ labels }) => labels))
    const found = own.filter((label) => known.has(label))
    const gradient = contracted(operands, found, written)
    const shape = dims(x)
    if (found.length === own.length) return gradient
    // The found axes have dy's lengths: 1 in x is left for the walker to sum.
    const lengths = dims(gradient)
    const kept = own.map((label) => (known.has(label) ? (lengths[found.indexOf(label)] ?? 1) : 1))
    return expand(
      reshaped(gradient, kept),
      own.map((label, axis) => (known.has(label) ? (kept[axis] ?? 1) : (shape[axis] ?? 1))),
    )
  })
}

/** One operand only changes the order of its axes: a Transpose, which is cheaper than Einsum. */
const contracted = (
  operands: ReadonlyArray<{ readonly value: Value; readonly labels: ReadonlyArray<string> }>,
  output: ReadonlyArray<string>,
  written: (labels: ReadonlyArray<string>) => string,
): Value => {
  const [only, ...others] = operands
  if (others.length === 0 && only.labels.length === output.length) {
    return permuted(
      only.value,
      output.map((label) => only.labels.indexOf(label)),
    )
  }
  const terms = operands.map(({ labels }) => written(labels))
  return einsum(`${terms.join(',')}->${written(output)}`, ...operands.map(({ value }) => value))
}

/** Sums of products. */
export const multiplying = {
  MatMul: matrixProduct,
  Gemm: gemmRule,
  Einsum: einsumRule,
} satisfies Partial<Rules>
