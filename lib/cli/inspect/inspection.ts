import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { reach, rules } from '../../autodiff/index.js'
import { adaptable, lora } from '../../lora/index.js'
import {
  adopted,
  conditioningOf,
  flopsPerSample,
  inFloat32,
  type Model,
  nameOf,
  parameterCount,
  recognisedTime,
  rolesOf,
} from '../../model/index.js'
import { type Graph, leaves, type Shape, topological, type Value } from '../../onnx/index.js'
import { type ElementType, type Parameterisation, size } from '../../types/index.js'
import { weightNotes } from '../weight-notes.js'
import { trainingMemory } from './training-memory.js'

/** An input or output of a model. */
export type Described = {
  readonly name: string
  readonly type: ElementType
  readonly shape: Shape
  /** What it was recognised as: `latents`, `timestep`, `conditioning`, `shared` by all samples, `prediction`, or nothing. */
  readonly role: string | null
}

/** What training a model takes. */
export type Cost = {
  /** Weights that train. */
  readonly weights: number
  /** The most bytes that the process holds at some sizes of the batch; see `trainingMemory`. */
  readonly memory: ReadonlyArray<{ readonly batchSize: number; readonly bytes: number }>
}

/** An operator that has no gradient, between a weight and the prediction. */
export type Blocker = {
  readonly operator: string
  readonly node: string
  readonly reason: string
  readonly path: string
}

/** Layers that can have adapters, by the last part of their names. */
export type LoraGroup = { readonly name: string; readonly layers: number; readonly example: string }

/** What `deriva inspect --json` prints. */
export type Inspection = {
  readonly path: string
  readonly opset: number
  readonly inputs: ReadonlyArray<Described>
  readonly outputs: ReadonlyArray<Described>
  /** All floats that can train. */
  readonly weights: number
  readonly weightTypes: ReadonlyArray<ElementType>
  readonly operators: Readonly<Record<string, number>>
  readonly time: 'timestep' | 'sigma' | null
  readonly parameterisation: { readonly likely: ReadonlyArray<Parameterisation>; readonly because: string }
  /** What there is to say of its weights; see `weightNotes`. */
  readonly notes: ReadonlyArray<string>
  /** What keeps the model from being adopted as it is, with what would be right. */
  readonly problems: ReadonlyArray<string>
  readonly blockers: ReadonlyArray<Blocker>
  readonly flopsPerSample: number | null
  readonly full: Cost | null
  /** With adapters of rank 16 at all layers that can have them. */
  readonly lora: Cost | null
  readonly loraTargets: ReadonlyArray<LoraGroup>
}

const parametersIn = (values: ReadonlyArray<Value>): ReadonlyArray<Value> =>
  leaves(values).filter(({ node }) => node.kind === 'parameter')

const likelyParameterisation = (
  graph: Graph,
  time: 'timestep' | 'sigma' | undefined,
  doubled: boolean,
): Inspection['parameterisation'] => {
  const said = graph.metadata['prediction_type']
  if (said === 'epsilon' || said === 'v_prediction' || said === 'sample' || said === 'flow_matching')
    return { likely: [said], because: 'the file says so' }
  if (doubled) return { likely: ['epsilon'], because: 'the output has a variance beside the prediction' }
  if (time === 'sigma') return { likely: ['flow_matching'], because: 'time goes from 0 to 1' }
  return time === 'timestep'
    ? { likely: ['epsilon', 'v_prediction'], because: 'time goes from 0 to 1000' }
    : { likely: [], because: 'nothing in the graph tells' }
}

/** Every operator on the way from a weight to the prediction whose rule says that there is none. */
const blockersOf = (prediction: Value): ReadonlyArray<Blocker> => {
  const order = topological([prediction])
  const active = reach(order, parametersIn([prediction]), rules)
  return order.flatMap((node) => {
    if (node.kind !== 'operator' || !node.inputs.some((x) => x !== undefined && active.has(x))) return []
    const rule = rules[node.operator]
    return typeof rule === 'object'
      ? [{ operator: node.operator, node: node.name ?? '', reason: rule.refused, path: active.route(node) }]
      : []
  })
}

/** Sizes of the batch that costs are told for. */
const batchSizes = [1, 16] as const

/** Left: why there is no gradient. */
const costOf = (model: Model<Parameterisation>): E.Either<string, Cost> =>
  pipe(
    batchSizes,
    E.traverseArray((batchSize) =>
      pipe(
        trainingMemory(model, batchSize),
        E.map((bytes) => ({ batchSize, bytes })),
      ),
    ),
    E.bimap(
      ({ message }) => message,
      (memory) => ({ weights: parameterCount(model), memory }),
    ),
  )

const groupsOf = (model: Model<Parameterisation>): ReadonlyArray<LoraGroup> => {
  const groups = new Map<string, ReadonlyArray<string>>()
  for (const { module } of adaptable(model)) {
    const name = /[^.]+(\.\d+)*$/.exec(module)?.[0] ?? module
    groups.set(name, [...(groups.get(name) ?? []), module])
  }
  return [...groups]
    .map(([name, [example, ...others]]) => ({ name, layers: others.length + 1, example }))
    .sort((a, b) => b.layers - a.layers)
}

const counted = (values: ReadonlyArray<Value>): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>()
  for (const node of topological(values))
    if (node.kind === 'operator') counts.set(node.operator, (counts.get(node.operator) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a))
}

/**
 * All that can be told of a model without data: what it takes and gives, what it seems to predict, and whether and at what cost it can be trained.
 *
 * @param path for the record
 * @param graph its symbols made numbers as far as lengths other than the batch are to be known
 * @example
 * declare const graph: Graph
 * const { blockers } = inspection('unet.onnx', graph)
 */
export const inspection = (path: string, graph: Graph): Inspection => {
  const wide = inFloat32(graph)
  const roles = rolesOf(wide)
  const outputs = Object.values(wide.outputs)
  const time = roles.timestep && recognisedTime(outputs, roles.timestep)
  const [channels, given] = [roles.latents?.shape[1], roles.prediction?.[1].shape[1]]
  const doubled = typeof channels === 'number' && given === 2 * channels
  const parameterisation = likelyParameterisation(graph, time, doubled)
  const model = adopted({
    graph,
    parameterisation: parameterisation.likely[0] ?? 'epsilon',
    learnedSigma: doubled,
  })
  const weights = parametersIn(Object.values(graph.outputs))
  const roleOf = (name: string): string =>
    name === (roles.latents && nameOf(roles.latents))
      ? 'latents'
      : name === (roles.timestep && nameOf(roles.timestep))
        ? 'timestep'
        : Object.hasOwn(roles.shared, name)
          ? 'shared'
          : 'conditioning'
  const shared = {
    path,
    opset: graph.opset,
    inputs: graph.inputs.map((x) => ({
      name: nameOf(x),
      type: x.type,
      shape: x.shape,
      role: roleOf(nameOf(x)),
    })),
    outputs: Object.entries(graph.outputs).map(([name, { type, shape }]) => ({
      name,
      type,
      shape,
      role: name === roles.prediction?.[0] ? 'prediction' : null,
    })),
    weights: weights.reduce(
      (n, { node }) => n + (node.kind === 'parameter' ? size(node.initial.dims) : 0),
      0,
    ),
    weightTypes: [...new Set(weights.map(({ type }) => type))],
    operators: counted(Object.values(graph.outputs)),
    time: time ?? null,
    parameterisation,
    notes: weightNotes(graph),
  }
  if (E.isLeft(model))
    return {
      ...shared,
      problems: model.left.problems.map(({ key, allowed }) => `${key}: ${allowed}`),
      blockers: roles.prediction === undefined ? [] : blockersOf(roles.prediction[1]),
      flopsPerSample: null,
      full: null,
      lora: null,
      loraTargets: [],
    }
  const { right: adoptedModel } = model
  const blockers = blockersOf(adoptedModel.prediction)
  const known = Object.entries(conditioningOf(adoptedModel)).filter(([, { shape }]) =>
    shape.slice(1).some((dim) => typeof dim !== 'number'),
  )
  if (known.length > 0)
    return {
      ...shared,
      problems: known.map(
        ([name, { shape }]) =>
          `${name}: lengths that are numbers, for costs to be told: --dims ${shape
            .slice(1)
            .filter((dim) => typeof dim !== 'number')
            .map((dim) => `${dim}=…`)
            .join()}`,
      ),
      blockers,
      flopsPerSample: null,
      full: null,
      lora: null,
      loraTargets: groupsOf(adoptedModel),
    }
  const full = costOf(adoptedModel)
  const adapted = pipe(
    adoptedModel,
    lora({ rank: 16, alpha: 16, targets: ['*'], seed: 0 }),
    E.mapLeft(({ message }) => message),
    E.chain(costOf),
  )
  return {
    ...shared,
    problems: blockers.length === 0 && E.isLeft(full) ? [full.left] : [],
    blockers,
    flopsPerSample: flopsPerSample(adoptedModel),
    full: E.isRight(full) ? full.right : null,
    lora: E.isRight(adapted) ? adapted.right : null,
    loraTargets: groupsOf(adoptedModel),
  }
}
