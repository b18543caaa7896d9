import type { ErrorOf } from '../types/index.js'

/**
 * Thrown where a graph is built from operands that do not fit together: a bug of the caller, like an index out of range.
 * Decoding a file, where bad graphs are nobody's bug, returns the same error in an `Either` instead.
 */
export class GraphFailure extends Error {
  readonly error: ErrorOf<'GraphError'>

  constructor(message: string, node?: string) {
    super(message)
    this.name = 'GraphFailure'
    this.error = { _tag: 'GraphError', message, ...(node === undefined ? {} : { node }) }
  }
}
