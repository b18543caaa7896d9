import {
  concat,
  constant,
  conv,
  matMul,
  mul,
  type OperatorNode,
  parameter,
  transpose,
  type Value,
} from '../onnx/index.js'
import { float32, size } from '../types/index.js'
import { type Adapter, scaling } from './adapter.js'

/** An adapter as graph values, whatever its slices: the whole update is scale·up·down. */
export type Factors = {
  /** [R, in, …kernel], R = rank · slices that adapt */
  readonly down: Value
  /** [out, R, …1] */
  readonly up: Value
  readonly scale: number
  /** The parameters that both are made of. */
  readonly parameters: ReadonlyArray<Value>
}

const joined = (values: ReadonlyArray<Value>, axis: number): Value => {
  const [first, ...others] = values
  return others.length === 0 ? first : concat(values, axis)
}

/**
 * Makes the parameters of an adapter and the factors of its update. Slices become one pair of factors: their A above each
 * other, their B as blocks along the diagonal, with zeros where nothing adapts.
 *
 * @example
 * const model = mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })
 * const factors = adaptable(model).map((weight) =>
 *   factorsOf(freshAdapter(weight, { rank: 4, alpha: 4, variant: 'lora', split: 1, seed: 1 })),
 * )
 */
export const factorsOf = (adapter: Adapter): Factors => {
  const { split, parts, weight } = adapter
  const slice = weight.outputs / split
  const pairs = parts.map(({ index, a, b }) => ({
    index,
    a: parameter(a.name, a.initial),
    b: parameter(b.name, b.initial),
    columns: b.initial.dims.slice(1),
  }))
  const blocks = pairs.map(({ index, b, columns }) => {
    const nothing = (slices: number): ReadonlyArray<Value> => {
      const dims = [slices * slice, ...columns]
      return slices === 0 ? [] : [constant(float32(dims, new Float32Array(size(dims))))]
    }
    return joined([...nothing(index), b, ...nothing(split - 1 - index)], 0)
  })
  return {
    down: joined(
      pairs.map(({ a }) => a),
      0,
    ),
    up: joined(blocks, 1),
    scale: scaling(adapter),
    parameters: pairs.flatMap(({ a, b }) => [a, b]),
  }
}

const scaled = (x: Value, scale: number): Value => (scale === 1 ? x : mul(x, scale))

const swapped = (x: Value, swap = true): Value => (swap ? transpose(x, [1, 0]) : x)

/**
 * What an adapter adds to an operator's result: scale·(x·Aᵀ)·Bᵀ for x·W, scale·B·(A·x) for W·x, and for a convolution one by
 * A with the same window, strides and padding, then one by B of 1×1. Gemm's alpha multiplies the update as it does the weight.
 * The scale is applied between the two, where there is least to multiply.
 *
 * @param operand which input of `node` the weight is
 * @param x the other one, which may have changed since
 * @example
 * declare const factors: Factors
 * const x = input('x', 'float32', [4, 2])
 * const { node } = matMul(x, parameter('weight', float32([2, 3], [1, 2, 3, 4, 5, 6])))
 * const update = node.kind === 'operator' ? branch(node, 1, x, factors) : undefined
 */
export const branch = (
  node: OperatorNode,
  operand: number,
  x: Value,
  { down, up, scale }: Pick<Factors, 'down' | 'up' | 'scale'>,
): Value => {
  switch (node.operator) {
    case 'MatMul':
      return product(operand, x, down, up, scale)
    case 'Gemm': {
      const { alpha, transA, transB } = node.attributes
      return product(operand, swapped(x, operand === 0 ? transB : transA), down, up, alpha * scale)
    }
    case 'Conv':
      return conv(scaled(conv(x, down, undefined, node.attributes), scale), up)
    default:
      throw new TypeError(`${node.operator} takes no adapter`)
  }
}

const product = (operand: number, x: Value, down: Value, up: Value, scale: number): Value =>
  operand === 1
    ? matMul(scaled(matMul(x, swapped(down)), scale), swapped(up))
    : matMul(up, scaled(matMul(down, x), scale))
