import type { Model } from '../model/index.js'
import { cast, leaves, type Node, parameter, rewrite, split, substitute, type Value } from '../onnx/index.js'
import { deferred, type ElementType, type Parameterisation, size, type TensorOf } from '../types/index.js'

/** The names of weights that others are parts of, with those of the parts in the order in which they lie along the first axis. */
export type Joints = Readonly<Record<string, ReadonlyArray<string>>>

type Part = { readonly name: string; readonly node: Node; readonly initial: TensorOf<'float32'> }

type Joint = {
  readonly name: string
  readonly parts: ReadonlyArray<Part>
  /** The parts, one after the other. */
  readonly whole: Value
}

/** Weights of one shape, of which the same is said; those that are alone left out. */
const groups = (
  trained: Value,
  alike: (name: string, dims: ReadonlyArray<number>) => string,
): ReadonlyArray<ReadonlyArray<Part>> => {
  const found = new Map<string, Part[]>()
  for (const { node } of leaves([trained])) {
    if (node.kind !== 'parameter' || node.initial.type !== 'float32' || node.initial.dims.length === 0)
      continue
    const { name, initial } = node
    const key = `${initial.dims.join(' ')} ${alike(name, initial.dims)}`
    const group = found.get(key) ?? []
    found.set(key, group)
    group.push({ name, node, initial })
  }
  return [...found.values()].filter(({ length }) => length > 1)
}

const jointOf = (parts: ReadonlyArray<Part>): Joint => {
  const [{ name: first, initial }] = parts
  const [rows, ...rest] = initial.dims
  const elements = (): Float32Array => {
    const data = new Float32Array(parts.length * size(initial.dims))
    parts.forEach((part, i) => {
      data.set(part.initial.data, i * size(initial.dims))
    })
    return data
  }
  const name = `joined/${first}`
  // A step is fed the weights in parts: its graph needs their shape, and nobody the copy.
  const together = deferred('float32', [parts.length * rows, ...rest], elements)
  return { name, parts, whole: parameter(name, together) }
}

/** What lies in a joint, or in the same in another element type, where its parts lie. */
const taken = ({ parts }: Joint, whole: Value): ReadonlyArray<Value> =>
  split(
    whole,
    parts.map(({ initial }) => initial.dims[0]),
    0,
  )

/**
 * The model with float32 weights of one shape joined to one, along their first axis, of which it reads the parts. It computes the same, and
 * what is done with every weight by itself is done at once: the gradient is one tensor, to be clipped and turned into a step, and so is the weight
 * in half precision. It pays where starting an operator takes as long as the work of a small one, as on graphics cards.
 *
 * @param alike weights are joined only where this says the same of them
 * @example
 * declare const separate: Model<'flow_matching'>
 * const { model, joints } = joined(separate, () => '')
 */
export const joined = <P extends Parameterisation>(
  separate: Model<P>,
  alike: (name: string, dims: ReadonlyArray<number>) => string,
): { readonly model: Model<P>; readonly joints: Joints } => {
  const { prediction, training = prediction } = separate
  const joints = groups(training, alike).map(jointOf)
  const replaced = new Map(
    joints.flatMap((joint) => taken(joint, joint.whole).map((part, i) => [joint.parts[i].node, part])),
  )
  const read = castWhole(
    joints,
    substitute([prediction, training], ({ node }) => replaced.get(node)),
  )
  return {
    model: {
      ...separate,
      prediction: read[0],
      ...(training === prediction ? {} : { training: read[1] }),
    },
    joints: Object.fromEntries(
      joints.map(({ name, parts }) => [name, parts.map((part) => part.name)] as const),
    ),
  }
}

/** A part that is cast becomes a part of what is cast: one cast for all of them. */
const castWhole = (joints: ReadonlyArray<Joint>, values: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  const known = new Map<string, ReadonlyArray<Value>>()
  const cut = (joint: Joint, type: ElementType): ReadonlyArray<Value> => {
    const key = `${type} ${joint.name}`
    const parts = known.get(key) ?? taken(joint, cast(joint.whole, type))
    known.set(key, parts)
    return parts
  }
  return rewrite(values, (node, [x]) => {
    const source =
      x?.node.kind === 'operator' && x.node.operator === 'Split' ? x.node.inputs[0]?.node : undefined
    const joint = joints.find(({ whole }) => whole.node === source)
    return node.operator !== 'Cast' || joint === undefined || x === undefined
      ? undefined
      : [cut(joint, node.outputs[0].type)[x.output]]
  })
}
