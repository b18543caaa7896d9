import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { flow, type Path } from '../../path/index.js'
import {
  cast,
  type Dim,
  GraphFailure,
  type Graph,
  input,
  isFloat,
  isStatic,
  leaves,
  mayMatch,
  type Node,
  reshape,
  sameShape,
  type Shape,
  showShape,
  slice,
  type Value,
} from '../../onnx/index.js'
import type { ConfigProblem, ElementType, ErrorOf, Parameterisation } from '../../types/index.js'
import { atBatch } from '../at-batch.js'
import type { Model } from '../model.js'
import { inFloat32 } from './in-float32.js'
import { batch, rebatched } from './rebatched.js'
import { nameOf, type Roles, rolesOf } from './roles.js'
import { recognisedTime, type TimeConvention, toldTime } from './time.js'

/** One of the arrays that batches condition a model on. */
export type GivenArray = {
  readonly type: ElementType
  /** The dimensions of one sample's row. */
  readonly dims: ReadonlyArray<number>
}

export type AdoptOptions<P extends Parameterisation> = {
  /** The user's model, as `decode` reads it. */
  readonly graph: Graph
  /** What its output means. */
  readonly parameterisation: P
  /** The shape of one latent. Default: the graph's, if that says it. */
  readonly sample?: ReadonlyArray<number>
  /** What batches have beside the latents, by name. Default: whatever the graph asks for. */
  readonly conditioning?: Readonly<Record<string, GivenArray>>
  /**
   * The graph's input for `latents`, for `timestep`, and for conditioning that has another name in batches. Default: what is recognised by
   * name and shape, and for conditioning the input's own name.
   */
  readonly inputs?: Readonly<Record<string, string>>
  /** The graph's output that is the prediction, where there are several. */
  readonly output?: string
  /** How the model is told the time. Default: what is recognised, else `timestep`. */
  readonly time?: TimeConvention
  /** Whether the second half of the output's channels is a variance, as in Nichol & Dhariwal 2021 (arXiv 2102.09672): it is left out. Default false. */
  readonly learnedSigma?: boolean
  /** Where noise levels are told as log signal-to-noise ratios: of this path. Default: the straight one. */
  readonly path?: Path
}

const problem = (key: string, value: unknown, allowed: string): ConfigProblem => ({ key, value, allowed })

const shown = ({ type, shape }: Pick<Value, 'type' | 'shape'>): string => `${type}${showShape(shape)}`

const list = (names: ReadonlyArray<string>): string => names.join(', ') || 'none'

/** What was said of inputs and outputs that the graph does not have. */
const unknownNames = ({
  graph,
  inputs = {},
  output,
}: AdoptOptions<Parameterisation>): ReadonlyArray<ConfigProblem> => {
  const names = graph.inputs.map(nameOf)
  const outputs = Object.keys(graph.outputs)
  return [
    ...Object.entries(inputs)
      .filter(([, theirs]) => !names.includes(theirs))
      .map(([ours, theirs]) => problem(`inputs.${ours}`, theirs, `an input of the model: ${list(names)}`)),
    ...(output === undefined || outputs.includes(output)
      ? []
      : [problem('output', output, `an output of the model: ${list(outputs)}`)]),
  ]
}

/** The lengths that symbols of an input's shape have to have, so that it fits what it is given. */
const bindings = (shape: Shape, lengths: ReadonlyArray<Dim>): ReadonlyArray<readonly [string, Dim]> =>
  shape.flatMap((dim, i) => (typeof dim === 'string' ? [[dim, lengths[i] ?? dim] as const] : []))

/** The shape of one latent: as it was said, where the graph can have it so; else as the graph has it. */
const sampleOf = (
  { sample }: AdoptOptions<Parameterisation>,
  latents: Value,
): E.Either<ConfigProblem, ReadonlyArray<number>> => {
  const own = latents.shape.slice(1)
  if (sample === undefined)
    return isStatic(own)
      ? E.right(own)
      : E.left(
          problem(
            'sample',
            own,
            `numbers: the model leaves the lengths ${showShape(own)} of its latents open`,
          ),
        )
  return mayMatch(own, sample)
    ? E.right(sample)
    : E.left(
        problem(
          'dataset',
          sample,
          `samples of shape ${showShape(own)}, which the model's input "${nameOf(latents)}" takes`,
        ),
      )
}

const takes = (type: ElementType, given: ElementType): boolean => isFloat(type) || !isFloat(given)

/** What conditioning cannot be fed, and why. */
const conditioningProblem = (
  ours: string,
  value: Value,
  given: AdoptOptions<Parameterisation>['conditioning'],
): ReadonlyArray<ConfigProblem> => {
  const theirs = nameOf(value)
  if (['latents', 'timestep'].includes(ours))
    return [problem(`inputs.${ours}`, theirs, 'another name: this one is taken')]
  if (given === undefined) return []
  if (!Object.hasOwn(given, ours))
    return [
      problem(
        `inputs.${ours}`,
        theirs,
        `an array of the dataset that feeds the model's input "${theirs}", ${shown(value)}; the dataset has ${list(Object.keys(given))}`,
      ),
    ]
  const { type, dims } = given[ours]
  const fits = mayMatch(value.shape.slice(1), dims) || (value.shape.length <= 1 && dims.length === 0)
  return fits && takes(value.type, type)
    ? []
    : [
        problem(
          `inputs.${ours}`,
          theirs,
          `rows of the dataset that fit ${shown({ type: value.type, shape: value.shape.slice(1) })}; those of "${ours}" are ${shown({ type, shape: dims })}`,
        ),
      ]
}

const missingRoles = (graph: Graph, roles: Roles): ReadonlyArray<ConfigProblem> => {
  const inputs = list(graph.inputs.map((x) => `${nameOf(x)} ${shown(x)}`))
  return [
    ...(roles.latents === undefined
      ? [problem('inputs.latents', undefined, `the input that takes the latents; the model has ${inputs}`)]
      : []),
    ...(roles.timestep === undefined
      ? [problem('inputs.timestep', undefined, `the input that takes the time; the model has ${inputs}`)]
      : []),
    ...(roles.prediction === undefined
      ? [
          problem(
            'output',
            undefined,
            `the output that is the prediction; the model has ${list(Object.entries(graph.outputs).map(([name, y]) => `${name} ${shown(y)}`))}`,
          ),
        ]
      : []),
  ]
}

/** The inputs of the adopted model, as what each input of the graph reads. */
const feeds = (
  options: AdoptOptions<Parameterisation>,
  { conditioning }: Roles,
  latents: Value,
  timestep: Value,
  sample: ReadonlyArray<number>,
): ReadonlyMap<Node, Value> => {
  const lengths = new Map<string, Dim>([
    ...bindings(latents.shape, [batch, ...sample]),
    ...Object.entries(conditioning).flatMap(([ours, { shape }]) =>
      bindings(shape, [batch, ...(options.conditioning?.[ours]?.dims ?? [])]),
    ),
  ])
  const fed = (value: Value, ours: string, type: ElementType, shape: Shape): Value => {
    const leaf = input(ours, type, shape)
    return type === value.type ? leaf : cast(leaf, value.type)
  }
  const time = toldTime(
    options.time ?? recognisedTime(Object.values(options.graph.outputs), timestep) ?? 'timestep',
    input('timestep', 'float32', [batch]),
    timestep.type,
    options.path ?? flow(),
  )
  return new Map<Node, Value>([
    [latents.node, fed(latents, 'latents', 'float32', [batch, ...sample])],
    [timestep.node, timestep.shape.length === 2 ? reshape(time, [-1, 1]) : time],
    ...Object.entries(conditioning).map(([ours, value]): readonly [Node, Value] => {
      const given = options.conditioning?.[ours]
      const shape = value.shape
        .slice(1)
        .map((dim, i) => given?.dims[i] ?? (typeof dim === 'string' ? (lengths.get(dim) ?? dim) : dim))
      const type = given?.type ?? (isFloat(value.type) ? 'float32' : value.type === 'bool' ? 'bool' : 'int64')
      return [value.node, fed(value, ours, type, [batch, ...shape])]
    }),
  ])
}

/** The half of the channels that is the prediction, where the other is a variance. */
const withoutVariance = (prediction: Value): Value => {
  const channels = prediction.shape.at(1)
  return typeof channels === 'number' ? slice(prediction, [0], [channels / 2], [1]) : prediction
}

const predictionProblem = (
  prediction: Value,
  sample: ReadonlyArray<number>,
  name: string,
): ConfigProblem | undefined => {
  const wanted = [batch, ...sample]
  if (prediction.type === 'float32' && sameShape(prediction.shape, wanted)) return undefined
  if (typeof prediction.shape[0] === 'number' && prediction.shape.length === wanted.length)
    return problem(
      'path',
      undefined,
      `a model that takes batches of any length; this one was exported for batches of ${prediction.shape[0]}. Export it with a dynamic batch axis`,
    )
  const doubled = sample.length > 0 && prediction.shape[1] === 2 * sample[0]
  return problem(
    'output',
    name,
    doubled
      ? `the shape of the latents, ${showShape(wanted)}; it has twice their channels: if half of them are a variance, set learned_sigma`
      : `float32${showShape(wanted)}, the shape of the latents; it is ${shown(prediction)}`,
  )
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
    E.mapLeft((found) => [found]),
    E.chain((sample): E.Either<ReadonlyArray<ConfigProblem>, Model<P>> => {
      const { graph, learnedSigma = false, parameterisation } = options
      const single = timestep.shape.length === 0 || (timestep.shape.length === 1 && timestep.shape[0] === 1)
      try {
        const inputs = feeds({ ...options, graph: wide }, roles, latents, timestep, sample)
        const [whole] = rebatched([y], inputs, single ? timestep.node : undefined)
        const prediction = learnedSigma ? withoutVariance(whole) : whole
        const wrong = predictionProblem(prediction, sample, name)
        // With numbers in place of the symbol, what cannot be is noticed: an input without a batch axis, say.
        if (wrong === undefined) atBatch(prediction, 3)
        return wrong === undefined
          ? E.right({ parameterisation, sample, prediction, origin: graph })
          : E.left([wrong])
      } catch (thrown) {
        if (!(thrown instanceof GraphFailure)) throw thrown
        return E.left([
          problem(
            'path',
            undefined,
            `a model that takes batches of any length; this one does not: ${thrown.message}. Export it with a dynamic batch axis`,
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
  const roles = rolesOf(wide, options.inputs, options.output)
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

/**
 * The conditioning that a model reads, by name.
 *
 * @example
 * declare const model: Model<'epsilon'>
 * const names = Object.keys(conditioningOf(model))
 */
export const conditioningOf = ({
  prediction,
}: Pick<Model<Parameterisation>, 'prediction'>): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    leaves([prediction]).flatMap((value) => {
      const name = nameOf(value)
      return value.node.kind === 'input' && !['latents', 'timestep'].includes(name) ? [[name, value]] : []
    }),
  )
