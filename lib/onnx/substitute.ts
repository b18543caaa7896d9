import { GraphFailure } from './graph-failure.js'
import { rebuilt } from './rebuilt.js'
import { mayMatch, showShape } from './shape.js'
import { topological, valueOf } from './traverse.js'
import type { Node, Value } from './value.js'

/**
 * The same expressions with some inputs and parameters replaced. Everything above a replaced leaf is built anew through
 * `operator`, so shapes are inferred again and what has become constant is folded; everything else is shared with the original.
 *
 * @param mapping the replacement of an input or parameter, undefined to keep it
 * @throws GraphFailure where a replacement has another element type or cannot have the leaf's shape, or a node cannot take it
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const [y] = substitute([mul(x, x)], (leaf) => (leaf.node === x.node ? constant(float32([1, 4], [1, 2, 3, 4])) : undefined))
 */
export const substitute = (
  outputs: ReadonlyArray<Value>,
  mapping: (leaf: Value) => Value | undefined,
): ReadonlyArray<Value> => {
  const replaced = new Map<Node, ReadonlyArray<Value>>()
  const current = (value: Value): Value => replaced.get(value.node)?.[value.output] ?? value
  for (const node of topological(outputs)) {
    if (node.kind === 'operator') {
      const inputs = node.inputs.map((x) => (x === undefined ? undefined : current(x)))
      if (inputs.some((x, i) => x !== node.inputs[i])) replaced.set(node, rebuilt(node, inputs))
    } else if (node.kind !== 'constant') {
      const leaf = valueOf(node, 0)
      const replacement = mapping(leaf)
      if (replacement !== undefined) replaced.set(node, [fitting(node.name, leaf, replacement)])
    }
  }
  return outputs.map(current)
}

const fitting = (name: string, leaf: Value, replacement: Value): Value => {
  if (leaf.type !== replacement.type || !mayMatch(leaf.shape, replacement.shape)) {
    throw new GraphFailure(
      `"${name}" is ${leaf.type}${showShape(leaf.shape)} and cannot be replaced by ${replacement.type}${showShape(replacement.shape)}`,
      name,
    )
  }
  return replacement
}
