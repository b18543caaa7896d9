import { byteLength, identityOf, type Tensor } from '../../types/index.js'
import { smallBytes } from '../element.js'
import { attributeKey, tensorKey } from './encode-attribute.js'
import { GraphFailure } from '../graph-failure.js'
import { definitions } from '../operators/index.js'
import { sameShape } from '../shape.js'
import type { ConstantNode, InputNode, Node, OperatorNode, ParameterNode, Value } from '../value.js'

/** One of several equal nodes, which stands for all of them. */
export type Entry = {
  readonly id: number
  /** The one with the most outputs: a normalisation may be asked for its statistics in one place only. */
  node: Node
}

export type Place = { readonly entry: Entry; readonly output: number }

export type Shared = {
  /** In an order in which inputs come before their users. */
  readonly entries: ReadonlyArray<Entry>
  /** Where a value is to be found: `Identity` and markers are looked through. */
  readonly find: (value: Value) => Place
}

/**
 * Finds equal nodes (hash-consing): the same constant, or the same operator with the same attributes on equal inputs.
 *
 * @param nodes inputs before users
 * @throws GraphFailure where two different inputs or parameters have one name
 *
 * @example
 * const x = input('x', 'float32', [4])
 * const { entries } = file.share(topological([add(relu(x), relu(x))])) // x, one Relu, Add
 */
export const share = (nodes: ReadonlyArray<Node>): Shared => {
  const entries: Entry[] = []
  const byKey = new Map<string, Entry>()
  const identities = new Map<object, number>()
  const places = new Map<Node, Entry | Place>()

  const find = ({ node, output }: Value): Place => {
    const place = places.get(node)
    if (place === undefined) throw new TypeError('a value was met before its node')
    return 'entry' in place ? place : { entry: place, output }
  }
  const idOf = (tensor: Tensor): number => {
    const identity = identityOf(tensor)
    const id = identities.get(identity) ?? identities.size
    identities.set(identity, id)
    return id
  }
  const enter = (key: string, node: Node): Entry => {
    const existing = byKey.get(key)
    if (existing !== undefined) return existing
    const entry = { id: entries.length, node }
    entries.push(entry)
    byKey.set(key, entry)
    return entry
  }

  for (const node of nodes) {
    if (node.kind === 'constant') places.set(node, enter(constantKey(node, idOf), node))
    else if (node.kind !== 'operator') {
      const entry = enter(`leaf ${node.name}`, node)
      if (!sameLeaf(entry.node, node)) {
        throw new GraphFailure(`two different inputs or parameters are named "${node.name}"`, node.name)
      }
      places.set(node, entry)
    } else {
      const [x] = node.inputs
      if (isTransparent(node) && x !== undefined) places.set(node, find(x))
      else {
        const entry = enter(operatorKey(node, find), node)
        if (node.outputs.length > entry.node.outputs.length) entry.node = node
        places.set(node, entry)
      }
    }
  }
  return { entries, find }
}

const isTransparent = (node: OperatorNode): boolean =>
  node.operator === 'Identity' || node.operator === 'StopGradient'

/** Small constants are compared by content. Reshaped ones share their data, so a large one is known by its data and its dimensions. */
const constantKey = ({ tensor }: ConstantNode, idOf: (tensor: Tensor) => number): string =>
  byteLength(tensor) <= smallBytes
    ? `constant ${tensorKey(tensor)}`
    : `constant ${idOf(tensor)} [${tensor.dims.join()}]`

const sameLeaf = (a: Node, b: InputNode | ParameterNode): boolean =>
  a === b ||
  (a.kind === 'input' && b.kind === 'input'
    ? a.outputs[0].type === b.outputs[0].type && sameShape(a.outputs[0].shape, b.outputs[0].shape)
    : a.kind === 'parameter' && b.kind === 'parameter' && identityOf(a.initial) === identityOf(b.initial))

const operatorKey = (node: OperatorNode, find: Shared['find']): string => {
  const { attributes, outputs } = definitions[node.operator]
  const given: Readonly<Record<string, unknown>> = node.attributes
  const settings = Object.entries(attributes).map(([key, attribute]) => attributeKey(attribute, given[key]))
  const inputs = node.inputs.map((x) => {
    if (x === undefined) return '-'
    const { entry, output } = find(x)
    return `${entry.id}.${output}`
  })
  const variadic = outputs?.[1] === Infinity ? node.outputs.length : ''
  return `${node.operator}${variadic}(${inputs.join()})${settings.join(';')}`
}
