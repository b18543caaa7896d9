import { describe, expect, test } from 'vitest'
import {
  add,
  bind,
  constant,
  expandTo,
  input,
  leaves,
  matMul,
  mul,
  parameter,
  relu,
  scalar,
  shapeOf,
  substitute,
  topological,
  type Value,
} from '../../lib/onnx/index.js'
import { float32 } from '../../lib/types/index.js'

const x = input('x', 'float32', ['batch', 2])
const w = parameter('w', float32([2, 2], [1, 2, 3, 4]))
const product = matMul(x, w)

const replace =
  (leaf: Value, by: Value) =>
  ({ node }: Value): Value | undefined =>
    node === leaf.node ? by : undefined

describe('substitute', () => {
  test('infers anew and folds what has become constant', () => {
    const ones = expandTo(scalar(1), shapeOf(product))
    expect(ones.node.kind).toBe('operator')
    const [static_, known] = substitute([product, ones], replace(x, input('x', 'float32', [3, 2])))
    expect(static_.shape).toEqual([3, 2])
    expect(known.node).toMatchObject({ kind: 'constant', tensor: float32([3, 2], [1, 1, 1, 1, 1, 1]) })
  })

  test('keeps what does not depend on the leaf, and all of it where nothing is replaced', () => {
    const other = relu(w)
    const [changed, same] = substitute(
      [add(product, other), other],
      replace(x, input('z', 'float32', [2, 2])),
    )
    expect(same).toBe(other)
    expect(topological([changed])).toContain(other.node)
    expect(substitute([product], () => undefined)[0]).toBe(product)
  })

  test('keeps shared expressions shared', () => {
    const twice = mul(product, product)
    const [result] = substitute([twice], replace(w, constant(float32([2, 2], [1, 0, 0, 1]))))
    expect(topological([result]).filter((node) => node.kind === 'operator')).toHaveLength(2)
    expect(result.node.kind === 'operator' && result.node.inputs[0]).toBe(
      result.node.kind === 'operator' && result.node.inputs[1],
    )
  })

  test('refuses what cannot stand in for the leaf', () => {
    expect(() => substitute([product], replace(x, input('x', 'float32', [3, 4])))).toThrow(
      /"x" is float32\[batch, 2\]/,
    )
    expect(() => substitute([product], replace(x, input('x', 'float16', [3, 2])))).toThrow(/float16/)
  })
})

test('bind makes symbols numbers, in listed inputs too', () => {
  const unused = input('unused', 'int64', ['batch'])
  const graph = bind({ inputs: [x, unused], outputs: { y: product }, opset: 21, metadata: {} }, { batch: 5 })
  expect(graph.inputs.map(({ shape }) => shape)).toEqual([[5, 2], [5]])
  expect(graph.outputs['y'].shape).toEqual([5, 2])
  expect(leaves(Object.values(graph.outputs))[0].node).toBe(graph.inputs[0].node)
})

describe('topological', () => {
  test('lists inputs before users, each once, in the order of first use', () => {
    const y = add(product, relu(product))
    const nodes = topological([y, product])
    expect(new Set(nodes).size).toBe(nodes.length)
    nodes.forEach((node, i) => {
      if (node.kind !== 'operator') return
      for (const operand of node.inputs) {
        if (operand !== undefined) expect(nodes.indexOf(operand.node)).toBeLessThan(i)
      }
    })
    expect(leaves([y]).map(({ node }) => ('name' in node ? node.name : ''))).toEqual(['x', 'w'])
  })

  test('goes as deep as memory does', () => {
    let deep: Value = x
    for (let i = 0; i < 50_000; i++) deep = relu(deep)
    expect(topological([deep])).toHaveLength(50_001)
    const [bound] = substitute([deep], replace(x, input('x', 'float32', [1, 2])))
    expect(bound.shape).toEqual([1, 2])
  })
})
