import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { separate } from 'fp-ts/lib/ReadonlyArray.js'
import { flow } from '../../path/index.js'
import {
  cast,
  type Dim,
  type Graph,
  GraphFailure,
  input,
  isFloat,
  type Node,
  reshape,
  type Shape,
  slice,
  type Value,
} from '../../onnx/index.js'
import type { ConfigProblem, ElementType, ErrorOf, Parameterisation } from '../../types/index.js'
import { atBatch } from '../at-batch.js'
import type { Model } from '../model.js'
import {
  batchAdvice,
  conditioningProblem,
  missingConstant,
  missingRoles,
  predictionProblem,
  refusedOption,
  sampleOf,
  unknownNames,
} from './checks.js'
import { boundConstant, recognisedConstant } from './constants.js'
import { inFloat32 } from './in-float32.js'
import type { AdoptOptions } from './options.js'
import { batchAxis, rebatched } from './rebatched.js'
import { lacksBatch, type Roles, rolesOf } from './roles.js'
import { recognisedTime, toldTime } from './time.js'

/** The lengths that symbols of an input's shape have to have, so that it fits what it is given. */
const bindings = (shape: Shape, lengths: ReadonlyArray<Dim>): ReadonlyArray<readonly [string, Dim]> =>
  shape.flatMap((dim, i) => (typeof dim === 'string' ? [[dim, lengths[i] ?? dim] as const] : []))

/** What the symbols of a graph stand for, as far as that is known. */
const lengthsOf = (
  options: AdoptOptions<Parameterisation>,
  { conditioning }: Roles,
  latents: Value,
  sample: ReadonlyArray<number>,
): ReadonlyMap<string, Dim> =>
  new Map<string, Dim>([
    ...bindings(latents.shape, [batchAxis, ...sample]),
    ...Object.entries(conditioning).flatMap(([ours, { shape }]) =>
      bindings(shape, [batchAxis, ...(options.conditioning?.[ours]?.dims ?? [])]),
    ),
  ])

const told = (shape: Shape, lengths: ReadonlyMap<string, Dim>): ReadonlyArray<Dim> =>
  shape.map((dim) => (typeof dim === 'string' ? (lengths.get(dim) ?? dim) : dim))

/** The inputs that are the same for all samples, as constants. */
const constantsOf = (
  { constants = {} }: AdoptOptions<Parameterisation>,
  { shared }: Roles,
  latents: Value,
  lengths: ReadonlyMap<string, Dim>,
  sample: ReadonlyArray<number>,
  inputs: ReadonlyArray<Value>,
): E.Either<ReadonlyArray<ConfigProblem>, ReadonlyArray<readonly [Node, Value]>> => {
  const found = Object.entries(shared).map(([name, value]) => {
    const shape = told(value.shape, lengths)
    const given = Object.hasOwn(constants, name) ? constants[name] : recognisedConstant(name, shape, sample)
    return given === undefined
      ? E.left(missingConstant(value))
      : pipe(
          boundConstant(value, given, lacksBatch(value, latents, inputs), shape),
          E.map((bound) => [value.node, bound] as const),
        )
  })
  const { left: problems, right: bound } = separate(found)
  return problems.length > 0 ? E.left(problems) : E.right(bound)
}

/** The inputs of the adopted model, as what each input of the graph reads. */
const feeds = (
  options: AdoptOptions<Parameterisation>,
  { conditioning }: Roles,
  latents: Value,
  timestep: Value,
  lengths: ReadonlyMap<string, Dim>,
  sample: ReadonlyArray<number>,
): ReadonlyArray<readonly [Node, Value]> => {
  const fed = (value: Value, ours: string, type: ElementType, shape: Shape): Value => {
    const leaf = input(ours, type, shape)
    return type === value.type ? leaf : cast(leaf, value.type)
  }
  const time = toldTime(
    options.time ?? recognisedTime(Object.values(options.graph.outputs), timestep) ?? 'timestep',
    input('timestep', 'float32', [batchAxis]),
    timestep.type,
    options.path ?? flow(),
  )
  return [
    [latents.node, fed(latents, 'latents', 'float32', [batchAxis, ...sample])],
    [timestep.node, timestep.shape.length === 2 ? reshape(time, [-1, 1]) : time],
    ...Object.entries(conditioning).map(([ours, value]): readonly [Node, Value] => {
      const given = options.conditioning?.[ours]
      const shape = given?.dims ?? told(value.shape.slice(1), lengths)
      const type = given?.type ?? (isFloat(value.type) ? 'float32' : value.type === 'bool' ? 'bool' : 'int64')
      return [value.node, fed(value, ours, type, [batchAxis, ...shape])]
    }),
  ]
}

/** The half of the channels that is the prediction, where the other is a variance. */
const withoutVariance = (prediction: Value): Value => {
  const channels = prediction.shape.at(1)
  return typeof channels === 'number' ? slice(prediction, [0], [channels / 2], [1]) : prediction
}

const refusal = (problems: ReadonlyArray<ConfigProblem>): ErrorOf<'ConfigError'> => ({
  _tag: 'ConfigError',
  message: problems
    .map(({ key, value, allowed }) => `${key}${typeof value === 'string' ? ` "${value}"` : ''}: ${allowed}`)
    .join('\n'),
  problems,
})

const built = <P extends Parameterisation>(
  options: AdoptOptions<P>,
  wide: Graph,
  roles: Roles,
  latents: Value,
  timestep: Value,
  [name, y]: readonly [string, Value],
): E.Either<ReadonlyArray<ConfigProblem>, Model<P>> =>
  pipe(
    sampleOf(options, latents),
    E.mapLeft((found): ReadonlyArray<ConfigProblem> => [found]),
    E.bindTo('sample'),
    E.let('lengths', ({ sample }) => lengthsOf(options, roles, latents, sample)),
    E.bind('constants', ({ sample, lengths }) =>
      constantsOf(options, roles, latents, lengths, sample, wide.inputs),
    ),
    E.chain(({ sample, lengths, constants }): E.Either<ReadonlyArray<ConfigProblem>, Model<P>> => {
      const { graph, learnedSigma = false, parameterisation } = options
      const single = timestep.shape.length === 0 || (timestep.shape.length === 1 && timestep.shape[0] === 1)
      try {
        const inputs = new Map([
          ...feeds({ ...options, graph: wide }, roles, latents, timestep, lengths, sample),
          ...constants,
        ])
        const [whole] = rebatched([y], inputs, single ? timestep.node : undefined)
        const prediction = learnedSigma ? withoutVariance(whole) : whole
        const wrong = predictionProblem(prediction, sample, name, latents)
        // With numbers in place of the symbol, what cannot be is noticed: an input without a batch axis, say.
        if (wrong === undefined) atBatch(prediction, 3)
        return wrong === undefined
          ? E.right({ parameterisation, sample, prediction, origin: graph })
          : E.left([wrong])
      } catch (thrown) {
        if (!(thrown instanceof GraphFailure)) throw thrown
        return E.left([
          refusedOption(
            'path',
            undefined,
            `a model that takes batches of any length; this one does not: ${thrown.message}. ${batchAdvice(latents)}`,
          ),
        ])
      }
    }),
  )

/**
 * A model that somebody else built, as one that is trained and sampled like any other: its latents, time and conditioning are fed under
 * the names that all models have, the time in the way it wants to be told it, its weights become float32 parameters, and a batch axis of one length becomes a symbol
 * where that is possible. Everything is checked against the graph here, once: names, element types and shapes.
 *
 * What is exported after training is the graph as it came, with other weights (`trainedModel`).
 *
 * @returns Left `ConfigError` with all that is missing, unknown or does not fit
 * @example
 * declare const file: Uint8Array
 * const model = pipe(
 *   decode(file),
 *   E.chainW((graph) =>
 *     adopted({ graph, parameterisation: 'epsilon', sample: [4, 8, 8], inputs: { latents: 'sample' } }),
 *   ),
 * )
 */
export const adopted = <P extends Parameterisation>(
  options: AdoptOptions<P>,
): E.Either<ErrorOf<'ConfigError'>, Model<P>> => {
  const wide = inFloat32(options.graph)
  const roles = rolesOf(wide, options.inputs, options.output, Object.keys(options.constants ?? {}))
  const unknown = unknownNames(options)
  const { latents, timestep, prediction, conditioning } = roles
  const problems = [
    ...unknown,
    // What was not found because it was misspelt is told once.
    ...missingRoles(options.graph, roles).filter(({ key }) => !unknown.some((known) => known.key === key)),
    ...Object.entries(conditioning).flatMap(([ours, value]) =>
      conditioningProblem(ours, value, options.conditioning),
    ),
  ]
  const model =
    latents === undefined || timestep === undefined || prediction === undefined
      ? E.left<ReadonlyArray<ConfigProblem>>([])
      : problems.length > 0
        ? pipe(
            sampleOf(options, latents),
            E.fold(
              (found) => E.left([found]),
              () => E.left([]),
            ),
          )
        : built(options, wide, roles, latents, timestep, prediction)
  return pipe(
    model,
    E.mapLeft((more) => refusal([...problems, ...more])),
  )
}
