import type { Node } from '../onnx/index.js'

/** Thrown by a rule that has no gradient to give; `grad` catches it and says where in the graph it happened. */
export class Refusal extends Error {
  constructor(
    /** Completes "it …". */
    readonly reason: string,
    readonly node?: Node,
  ) {
    super(reason)
    this.name = 'Refusal'
  }
}

/**
 * Runs f; a refusal in it is one of `node`.
 *
 * @example
 * const { node } = input('x', 'float32', [4])
 * const four = within(node, () => dims(valueOf(node, 0)))
 */
export const within = <A>(node: Node, f: () => A): A => {
  try {
    return f()
  } catch (thrown) {
    throw thrown instanceof Refusal ? new Refusal(thrown.reason, thrown.node ?? node) : thrown
  }
}
