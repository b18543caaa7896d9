import { GraphFailure } from '../graph-failure.js'
import type { AttributeProto, FunctionProto } from '../proto/onnx_pb.js'
import type { Value } from '../value.js'
import type { ReadExternal } from './decode-tensor.js'
import type { InitializerRoles } from './initializer-role.js'

/** What the whole file has in common. */
export type FileScope = {
  readonly functions: ReadonlyMap<string, FunctionProto>
  readonly roles: InitializerRoles
  readonly external: ReadExternal | undefined
  /** How many nodes may still be read: functions that call functions can unfold to any number. */
  readonly budget: { nodes: number }
}

/** What names mean at some place in a file; the body of an `If` sees the names around it, that of a function only its own. */
export type Scope = {
  readonly file: FileScope
  readonly values: Map<string, Value | undefined>
  /** Lists of tensors by name, which only `SplitToSequence` and `SequenceConstruct` make. */
  readonly sequences: Map<string, ReadonlyArray<Value>>
  readonly outer?: Scope
  /** The operator set of every domain that may be used here. */
  readonly opsets: ReadonlyMap<string, number>
  /** What the attributes of the function are that this is the body of. */
  readonly attributes: ReadonlyMap<string, AttributeProto>
  /** How many bodies are around this one. */
  readonly depth: number
}

/** Bodies in bodies; exporters make three or four. */
const deepest = 64

/**
 * A scope for a body inside another.
 *
 * @throws GraphFailure where bodies are so deep in each other that a function must be calling itself
 *
 * @example
 * declare const around: file.Scope
 * const body = file.innerScope(around, { outer: around })
 */
export const innerScope = (
  scope: Scope,
  body: Partial<Pick<Scope, 'outer' | 'opsets' | 'attributes'>>,
): Scope => {
  if (scope.depth >= deepest)
    throw new GraphFailure(
      `bodies are ${deepest} deep in each other; a function that calls itself cannot be read`,
    )
  const { file, opsets, attributes, depth } = scope
  return { file, opsets, attributes, ...body, values: new Map(), sequences: new Map(), depth: depth + 1 }
}

/**
 * What a name means; undefined for an optional input of a function that its caller left out.
 *
 * @throws GraphFailure where nothing before has made it: the order of a file is one of execution, so cycles end here, too
 *
 * @example
 * declare const scope: file.Scope
 * const x = file.lookUp(scope, 'x', 'it')
 */
export const lookUp = (scope: Scope, name: string, reader: string): Value | undefined => {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer)
    if (at.values.has(name)) return at.values.get(name)
  throw new GraphFailure(`${reader} reads "${name}", which nothing before it makes`, name)
}

/**
 * Gives a name its meaning.
 *
 * @throws GraphFailure where it has one
 *
 * @example
 * declare const scope: file.Scope
 * file.defineName(scope, 'x', input('x', 'float32', [4]))
 */
export const defineName = (scope: Scope, name: string, value: Value | undefined): void => {
  if (scope.values.has(name)) throw new GraphFailure(`"${name}" is made twice`, name)
  scope.values.set(name, value)
}
