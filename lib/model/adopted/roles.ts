import { type Graph, isFloat, mayMatch, type Value } from '../../onnx/index.js'

/** Which of a graph's inputs and outputs is what. */
export type Roles = {
  readonly latents: Value | undefined
  readonly timestep: Value | undefined
  /** By the name that batches have it under. */
  readonly conditioning: Readonly<Record<string, Value>>
  /** Inputs that are the same for all samples: they have no batch axis, or were said to be constants. By their own names. */
  readonly shared: Readonly<Record<string, Value>>
  /** The name of the output, and it. */
  readonly prediction: readonly [string, Value] | undefined
}

/** What exporters call these inputs; the first that is there counts. */
const latentsNames = [
  'sample',
  'latents',
  'latent',
  'noisy_latents',
  'x_t',
  'xt',
  'x',
  'hidden_states',
  'input',
  'image',
]
const timestepNames = ['timestep', 'timesteps', 't', 'time', 'sigma', 'sigmas', 'noise_level', 'log_snr']

/**
 * The name of an input.
 *
 * @example
 * const name = nameOf(input('sample', 'float32', ['batch', 4])) // sample
 */
export const nameOf = ({ node }: Value): string => (node.kind === 'input' ? node.name : '')

const mayBeLatents = ({ type, shape }: Value): boolean => isFloat(type) && shape.length >= 2

/** One number a sample, or one for all. */
const mayBeTimestep = ({ shape }: Value): boolean =>
  shape.length <= 1 || (shape.length === 2 && shape[1] === 1)

const firstNamed = (names: ReadonlyArray<string>, inputs: ReadonlyArray<Value>): Value | undefined =>
  names.flatMap((name) => inputs.filter((x) => nameOf(x).toLowerCase() === name))[0]

const only = (values: ReadonlyArray<Value>): Value | undefined =>
  values.length === 1 ? values[0] : undefined

/** Whether one tensor has as many or twice as many channels as another, and is like it else. */
const isLike = (x: Value, y: Value): boolean =>
  mayMatch(x.shape, y.shape) ||
  (x.shape.length === y.shape.length &&
    typeof x.shape[1] === 'number' &&
    y.shape[1] === 2 * x.shape[1] &&
    mayMatch(x.shape.slice(2), y.shape.slice(2)))

/**
 * Whether an input has no batch axis: its leading axis has a length of its own, or is one of another input's inner axes, such as the tokens of
 * the latents.
 *
 * @param others all inputs of the model
 * @example
 * const [x, ids] = [input('x', 'float32', ['batch', 'tokens', 64]), input('img_ids', 'float32', ['tokens', 3])]
 * const shared = lacksBatch(ids, x, [x, ids]) // true
 */
export const lacksBatch = (value: Value, latents: Value, others: ReadonlyArray<Value>): boolean => {
  const [length, batch] = [value.shape.at(0), latents.shape.at(0)]
  if (length === undefined || length === batch) return false
  return typeof length === 'number' ? length > 1 : others.some(({ shape }) => shape.slice(1).includes(length))
}

/**
 * Finds out which input is the latents, which the time and which output the prediction: by what was said, by the names that exporters use, and
 * by shape. Every other input is conditioning, under its own name unless another was given.
 *
 * @param constants the names of inputs that are to be constants
 * @param given the graph's input for `latents`, `timestep` and conditioning, as far as it was said; names that the graph does not have are passed over
 * @param output the name of the prediction, if it was said
 * @example
 * declare const graph: Graph
 * const { latents, timestep } = rolesOf(graph, { timestep: 't' })
 */
export const rolesOf = (
  graph: Graph,
  given: Readonly<Record<string, string>> = {},
  output?: string,
  constants: ReadonlyArray<string> = [],
): Roles => {
  const find = (name: string | undefined): Value | undefined =>
    name === undefined ? undefined : graph.inputs.find((x) => nameOf(x) === name)
  const asked = Object.entries(given).flatMap(([ours, theirs]) => {
    const value = find(theirs)
    return value === undefined ? [] : [[ours, value] as const]
  })
  const free = graph.inputs.filter((x) => !asked.some(([, value]) => value === x))
  const timesteps = free.filter(mayBeTimestep)
  const timestep =
    asked.find(([ours]) => ours === 'timestep')?.[1] ??
    firstNamed(timestepNames, timesteps) ??
    only(timesteps)
  const outputs = Object.entries(graph.outputs)
  const candidates = free.filter((x) => x !== timestep && mayBeLatents(x))
  const latents =
    asked.find(([ours]) => ours === 'latents')?.[1] ??
    firstNamed(latentsNames, candidates) ??
    only(candidates) ??
    only(candidates.filter((x) => outputs.some(([, y]) => isLike(x, y))))
  const prediction =
    output === undefined
      ? outputs.length === 1
        ? outputs[0]
        : outputs.find(([, y]) => latents !== undefined && isLike(latents, y))
      : outputs.find(([name]) => name === output)
  const others = [
    ...asked.filter(([ours]) => ours !== 'latents' && ours !== 'timestep'),
    ...free.filter((x) => x !== latents && x !== timestep).map((x) => [nameOf(x), x] as const),
  ]
  const isShared = (x: Value): boolean =>
    constants.includes(nameOf(x)) || (latents !== undefined && lacksBatch(x, latents, graph.inputs))
  return {
    latents,
    timestep,
    conditioning: Object.fromEntries(others.filter(([, x]) => !isShared(x))),
    shared: Object.fromEntries(others.flatMap(([, x]) => (isShared(x) ? [[nameOf(x), x] as const] : []))),
    prediction,
  }
}
