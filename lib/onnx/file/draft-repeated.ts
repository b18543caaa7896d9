import { create } from '@bufbuild/protobuf'
import { byteLength, int64 } from '../../types/index.js'
import { smallBytes } from '../element.js'
import { GraphFailure } from '../graph-failure.js'
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx_pb.js'
import type { Typed } from '../definition.js'
import { leaves } from '../traverse.js'
import type { Value } from '../value.js'
import { draft, type Draft, type Named } from './draft.js'
import { encodeTensor } from './encode-tensor.js'
import { encodeValueInfo } from './encode-value-info.js'

/** The names that a repeated graph is fed what its turns are made of under. */
export const repeatedInputs = {
  /** How many turns are taken: int64 []. */
  turns: 'turns',
  /** How long a symbolic axis is at each turn: int64 [turns]. */
  length: (dim: string): string => `length/${dim}`,
} as const

/** An axis whose length changes from turn to turn: what is fed is as long as the longest. */
export type RaggedAxis = { readonly input: string; readonly axis: number; readonly dim: string }

export type Repeated = {
  /** Of one turn, by name. */
  readonly outputs: Readonly<Record<string, Value>>
  /** What passes from turn to turn: an output's name, and the name of the input or weight that it is in the next turn. */
  readonly carried: Readonly<Record<string, string>>
  /**
   * What is carried as one but fed and given in parts, by the output's name: the outputs that stand for parts of equal size along its
   * first axis, and the inputs that these are at the first turn.
   */
  readonly parts?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly name?: string
}

/** Names within the loop are apart from those around it, as ONNX wants them. */
const within = (name: string): string => (name === '' ? '' : `turn/${name}`)
const [iteration, going, still] = ['iteration', 'going', 'still'].map(within)

const integer = (name: string, i: number): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(i) })

const node = (opType: string, input: string[], output: string, axis?: number): NodeProto =>
  create(NodeProtoSchema, {
    name: output,
    opType,
    input,
    output: [output],
    attribute: axis === undefined ? [] : [integer('axis', axis)],
  })

/** The inputs and weights that these depend on, by name. */
const leavesOf = (outputs: ReadonlyArray<Value>): ReadonlyMap<string, Typed> =>
  new Map(
    leaves(outputs).flatMap((value) =>
      value.node.kind === 'input' || value.node.kind === 'parameter'
        ? [[value.node.name, value] as const]
        : [],
    ),
  )

const onceATurn = ({ type, shape }: Typed): Typed => ({ type, shape: [repeatedInputs.turns, ...shape] })

/** What a turn reads of what is fed for all turns: its own entry, cut to its own length. */
const entriesOf = (fed: ReadonlyArray<string>, ragged: ReadonlyArray<RaggedAxis>): NodeProto[] =>
  [...new Set(ragged.map(({ dim }) => dim))]
    .flatMap((dim) => {
      const length = within(repeatedInputs.length(dim))
      return [
        node('Gather', [repeatedInputs.length(dim), iteration], `${length}/entry`, 0),
        node('Reshape', [`${length}/entry`, within('one')], length),
      ]
    })
    .concat(
      fed.flatMap((name) => {
        const axes = ragged.filter(({ input }) => input === name)
        const stages = [...axes.map(({ axis }) => `${within(name)}/padded/${axis}`), within(name)]
        return [
          node('Gather', [name, iteration], stages[0], 0),
          ...axes.map(({ axis, dim }, i) =>
            node(
              'Slice',
              [stages[i], within('zero'), within(repeatedInputs.length(dim)), within(`axis/${axis}`)],
              stages[i + 1],
            ),
          ),
        ]
      }),
    )

/** Something carried: under which names, and of which kind, it enters the graph and leaves it. */
type State = {
  readonly output: string
  readonly input: string
  readonly typed: Typed
  /** In whose place these enter and leave. */
  readonly parts: ReadonlyArray<Omit<State, 'parts'>>
}

const partsOf = (typed: Typed, named: Readonly<Record<string, string>>): State['parts'] => {
  const entries = Object.entries(named)
  const [rows, ...rest] = typed.shape
  const shape = [Number(rows) / entries.length, ...rest]
  return entries.map(([output, input]) => ({ output, input, typed: { ...typed, shape } }))
}

/** A node under the names that it and its tensors have within the loop. */
const turned = (one: NodeProto): NodeProto => ({
  ...one,
  name: within(one.name),
  input: one.input.map(within),
  output: one.output.map(within),
})

/**
 * The draft of an ONNX file that takes so many turns of a graph, in one `Loop`: what is carried passes from turn to turn where it was computed, and the
 * file is no larger than that of one turn.
 *
 * It is fed `turns`; what is carried, as at the first turn; and everything else once a turn, with a leading axis [turns, …]. Symbolic axes may be
 * of another length at every turn: they are fed padded to the longest, and their lengths beside them (`repeatedInputs.length`). What is
 * carried comes out as the last turn left it, every other output once a turn. Large tensors stand outside the loop, which may read them.
 *
 * @throws GraphFailure where an output that is to be carried is not there
 * @example
 * const [x, step] = [input('x', 'float32', [2]), input('step', 'float32', [2])]
 * const moved = add(x, step)
 * const { whole } = draftRepeated({ outputs: { moved, size: reduceSum(mul(step, step)) }, carried: { moved: 'x' } })
 */
export const draftRepeated = ({
  outputs,
  carried,
  parts = {},
  name = 'repeated',
}: Repeated): { readonly whole: Draft; readonly ragged: ReadonlyArray<RaggedAxis> } => {
  const turn = draft({ outputs, parameters: 'inputs', name: 'turn' })
  const states = Object.entries(carried).map(([output, input]): State => {
    if (!Object.hasOwn(outputs, output))
      throw new GraphFailure(`"${output}" is to become "${input}", and there is no such output`, output)
    const typed = outputs[output]
    return { output, input, typed, parts: partsOf(typed, parts[output] ?? {}) }
  })
  const reports = Object.entries(outputs).filter(([output]) => !Object.hasOwn(carried, output))
  const isCarried = new Set(Object.values(carried))
  const fed = [...leavesOf(Object.values(outputs))].filter(([input]) => !isCarried.has(input))
  const ragged = fed.flatMap(([input, { shape }]) =>
    shape.flatMap((dim, axis) => (typeof dim === 'string' ? [{ input, axis, dim }] : [])),
  )
  const integers = (values: ReadonlyArray<number>, called: string): TensorProto =>
    encodeTensor(int64([values.length], values), within(called))
  const tensors = turn.tensors.map((stored) => ({ ...stored, name: within(stored.name) }))
  const isSmall = ({ tensor }: Named): boolean => byteLength(tensor) <= smallBytes
  const body = create(GraphProtoSchema, {
    name: 'turn',
    node: [
      ...entriesOf(
        fed.map(([input]) => input),
        ragged,
      ),
      ...turn.graph.node.map(turned),
      node('Identity', [going], still),
    ],
    input: [
      encodeValueInfo(iteration, { type: 'int64', shape: [] }),
      encodeValueInfo(going, { type: 'bool', shape: [] }),
      ...states.map(({ input, typed }) => encodeValueInfo(within(input), typed)),
    ],
    output: [
      encodeValueInfo(still, { type: 'bool', shape: [] }),
      ...states.map(({ output, typed }) => encodeValueInfo(within(output), typed)),
      ...reports.map(([output, typed]) => encodeValueInfo(within(output), typed)),
    ],
    initializer: [
      ...tensors.filter(isSmall).map(({ name: called, tensor }) => encodeTensor(tensor, called)),
      ...(ragged.length === 0 ? [] : [integers([0], 'zero'), integers([1], 'one')]),
      ...[...new Set(ragged.map(({ axis }) => axis))].map((axis) => integers([axis], `axis/${axis}`)),
    ],
  })
  const lengths = [...new Set(ragged.map(({ dim }) => repeatedInputs.length(dim)))]
  const loop = create(NodeProtoSchema, {
    name,
    opType: 'Loop',
    input: [repeatedInputs.turns, '', ...states.map(({ input }) => input)],
    output: [...states.map(({ output }) => output), ...reports.map(([output]) => output)],
    attribute: [create(AttributeProtoSchema, { name: 'body', type: AttributeType.GRAPH, g: body })],
  })
  const inParts = states.filter((state) => state.parts.length > 0)
  const seen = states.flatMap((state) => (state.parts.length > 0 ? state.parts : [state]))
  const graph = create(GraphProtoSchema, {
    name,
    node: [
      ...inParts.map(({ input, parts: each }) =>
        node(
          'Concat',
          each.map((part) => part.input),
          input,
          0,
        ),
      ),
      loop,
      ...inParts.map(({ output, parts: each }) =>
        create(NodeProtoSchema, {
          name: `${output}/parts`,
          opType: 'Split',
          input: [output],
          output: each.map((part) => part.output),
          attribute: [integer('axis', 0), integer('num_outputs', each.length)],
        }),
      ),
    ],
    input: [
      encodeValueInfo(repeatedInputs.turns, { type: 'int64', shape: [] }),
      ...seen.map(({ input, typed }) => encodeValueInfo(input, typed)),
      ...fed.map(([input, typed]) => encodeValueInfo(input, onceATurn(typed))),
      ...lengths.map((length) => encodeValueInfo(length, { type: 'int64', shape: [repeatedInputs.turns] })),
    ],
    output: [
      ...seen.map(({ output, typed }) => encodeValueInfo(output, typed)),
      ...reports.map(([output, typed]) => encodeValueInfo(output, onceATurn(typed))),
    ],
  })
  const large = tensors.filter((named) => !isSmall(named))
  return { whole: { tensors: large, model: turn.model, graph }, ragged }
}
