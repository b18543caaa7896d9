import { evaluateDim } from './dim.js'
import { substitute } from './substitute.js'
import { input, type Node, type Value } from './value.js'

/** What a file leaves open of the tensors that it stores, or has lost of those that the exported model had; by name. */
export type Doubts = {
  /** Floats that are taken for constants because of their names and uses; single numbers are not counted. */
  readonly guessed: ReadonlyArray<string>
  /** Parameters of the exported model that are no weights any more, or others beside them, after the exporter's optimiser. */
  readonly lost: ReadonlyArray<string>
}

/** A model: what is fed, in order, and what comes out, by name. Its parameters are found by `leaves`. */
export type Graph = {
  readonly inputs: ReadonlyArray<Value>
  readonly outputs: Readonly<Record<string, Value>>
  /** The operator set of the file the graph was read from; graphs are always written as opset 21. */
  readonly opset: number
  /** The file's metadata properties. */
  readonly metadata: Readonly<Record<string, string>>
  /** Of a graph that was read from a file. */
  readonly doubts?: Doubts
}

/**
 * A graph with some symbolic dimensions made numbers, in its inputs and all that follows from them.
 *
 * @example
 * const x = input('x', 'float32', ['batch', 4])
 * const graph = { inputs: [x], outputs: { y: relu(x) }, opset: 21, metadata: {} }
 * const eight = bind(graph, { batch: 8 })
 */
export const bind = (graph: Graph, dims: Readonly<Record<string, number>>): Graph => {
  const bound = new Map<Node, Value>(
    graph.inputs.map((x) => [
      x.node,
      x.node.kind === 'input'
        ? input(
            x.node.name,
            x.type,
            x.shape.map((dim) => evaluateDim(dim, dims)),
          )
        : x,
    ]),
  )
  const names = Object.keys(graph.outputs)
  const outputs = substitute(Object.values(graph.outputs), (leaf) => bound.get(leaf.node))
  return {
    ...graph,
    inputs: graph.inputs.map((x) => bound.get(x.node) ?? x),
    outputs: Object.fromEntries(outputs.map((value, i) => [names[i] ?? '', value])),
  }
}
