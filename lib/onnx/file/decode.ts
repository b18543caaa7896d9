import { fromBinary } from '@bufbuild/protobuf'
import * as E from 'fp-ts/lib/Either.js'
import type { ErrorOf } from '../../types/index.js'
import { declarationsOf } from './declarations.js'
import { decodeInput } from './decode-input.js'
import type { ReadExternal } from './decode-tensor.js'
import type { Graph } from '../graph.js'
import { GraphFailure } from '../graph-failure.js'
import { initializerRoles } from './initializer-role.js'
import { ModelProtoSchema, type ModelProto } from '../proto/onnx_pb.js'
import { doubting } from './doubting.js'
import { lifted } from './lifted.js'
import { functionKey, opsetsOf, runGraph } from './run-graph.js'
import { defineName, lookUp, type Scope } from './scope.js'
import { untied } from './untied.js'
import { refuseUnknownOperators } from './unknown-operators.js'

export type DecodeOptions = {
  /** Numbers for symbolic dimensions, for graphs whose structure depends on them; see also `bind`. */
  readonly dims?: Readonly<Record<string, number>>
  /** Reads tensors that are stored beside the model; `readModelFile` of `deriva/data` reads them from its folder. */
  readonly external?: ReadExternal
}

/**
 * A graph from the bytes of an ONNX file, in operators of opset 21 whatever its own opset (9 or newer): older and newer forms are
 * rewritten, functions inlined, constants folded, `If` with a constant condition resolved. Floating-point initializers become
 * parameters, but for those that say what to do rather than what to do it with, and those that the exporter computed; see
 * `initializerRoles`. The others are constants.
 *
 * @returns Left with the node and what would be right where the file is damaged, incomplete, or uses what is not supported; of operators
 * that are not supported, all
 *
 * @example
 * const graph = decode(encode({ outputs: { y: relu(input('x', 'float32', ['batch', 4])) }, parameters: 'initializers' }))
 */
export const decode = (
  bytes: Uint8Array,
  options: DecodeOptions = {},
): E.Either<ErrorOf<'GraphError'>, Graph> =>
  E.tryCatch(
    () => graphOf(parsed(bytes), options),
    (error) =>
      error instanceof GraphFailure
        ? error.error
        : {
            _tag: 'GraphError',
            message: `this ONNX model cannot be read: ${error instanceof Error ? error.message : String(error)}`,
          },
  )

const parsed = (bytes: Uint8Array): ModelProto => {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch {
    throw new GraphFailure('this is not an ONNX model, or it is cut off')
  }
}

const oldestOpset = 9

/** More than any model has, and few enough to be refused in seconds. */
const mostNodes = 250_000

const graphOf = (model: ModelProto, { dims = {}, external }: DecodeOptions): Graph => {
  if (model.graph === undefined) throw new GraphFailure('this is not an ONNX model: it has no graph')
  const opsets = opsetsOf(model.opsetImport)
  const opset = opsets.get('')
  if (opset === undefined) throw new GraphFailure('the model does not say which operator set it uses')
  if (opset < oldestOpset)
    throw new GraphFailure(`operator set ${opset} is too old; export with ${oldestOpset} or newer`)
  checkDims(dims)

  const declarations = declarationsOf(model.graph)
  const { graph: whole, held } = lifted(model.graph, model.functions, declarations)
  const graph = untied(whole, declarations, external)
  const functions = new Map(model.functions.map((f) => [functionKey(f.domain, f.name, f.overload), f]))
  refuseUnknownOperators(graph, functions)

  const known = initializerRoles(graph, model.functions, declarations)
  const { roles, doubts } = doubting(known, declarations, held)
  const scope: Scope = {
    file: {
      functions,
      roles,
      external,
      budget: { nodes: mostNodes },
    },
    values: new Map(),
    sequences: new Map(),
    opsets,
    attributes: new Map(),
    depth: 0,
  }
  // Until file format 4 initializers were listed among the inputs as well.
  const stored = new Set(graph.initializer.map(({ name }) => name))
  const inputs = graph.input
    .filter(({ name }) => !stored.has(name))
    .map((info) => {
      const value = decodeInput(info, dims)
      defineName(scope, info.name, value)
      return value
    })
  runGraph(graph, scope)
  return {
    inputs,
    outputs: Object.fromEntries(
      graph.output.map(({ name }) => {
        const value = lookUp(scope, name, 'the graph')
        if (value === undefined) throw new GraphFailure(`output "${name}" is nothing`, name)
        return [name, value]
      }),
    ),
    opset,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    doubts: doubts(),
  }
}

const checkDims = (dims: Readonly<Record<string, number>>): void => {
  for (const [name, length] of Object.entries(dims))
    if (!Number.isSafeInteger(length) || length < 1)
      throw new GraphFailure(
        `dimension "${name}" cannot be ${length}; a whole number above 0 is needed`,
        name,
      )
}
