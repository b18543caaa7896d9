import * as E from 'fp-ts/lib/Either.js'
import {
  type Graph,
  isFloat,
  isStatic,
  mayMatch,
  sameShape,
  showShape,
  type Value,
} from '../../onnx/index.js'
import type { ConfigProblem, ElementType, Parameterisation } from '../../types/index.js'
import type { AdoptOptions } from './options.js'
import { batchAxis } from './rebatched.js'
import { nameOf, type Roles } from './roles.js'

/**
 * What is wrong with an option, and what would be right.
 *
 * @example
 * const wrong = refusedOption('output', 'y', 'an output of the model: out')
 */
export const refusedOption = (key: string, value: unknown, allowed: string): ConfigProblem => ({
  key,
  value,
  allowed,
})

const shown = ({ type, shape }: Pick<Value, 'type' | 'shape'>): string => `${type}${showShape(shape)}`

const list = (names: ReadonlyArray<string>): string => names.join(', ') || 'none'

/**
 * What was said of inputs and outputs that the graph does not have.
 *
 * @example
 * declare const graph: Graph
 * const problems = unknownNames({ graph, parameterisation: 'epsilon', output: 'y' })
 */
export const unknownNames = ({
  graph,
  inputs = {},
  constants = {},
  output,
}: AdoptOptions<Parameterisation>): ReadonlyArray<ConfigProblem> => {
  const names = graph.inputs.map(nameOf)
  const outputs = Object.keys(graph.outputs)
  return [
    ...Object.entries(inputs)
      .filter(([, theirs]) => !names.includes(theirs))
      .map(([ours, theirs]) =>
        refusedOption(`inputs.${ours}`, theirs, `an input of the model: ${list(names)}`),
      ),
    ...Object.keys(constants)
      .filter((name) => !names.includes(name))
      .map((name) => refusedOption(`constants.${name}`, undefined, `an input of the model: ${list(names)}`)),
    ...(output === undefined || outputs.includes(output)
      ? []
      : [refusedOption('output', output, `an output of the model: ${list(outputs)}`)]),
  ]
}

/**
 * The shape of one latent: as it was said, where the graph can have it so; else as the graph has it.
 *
 * @returns Left where the two do not agree, or neither says it
 * @example
 * declare const graph: Graph
 * const sample = sampleOf({ graph, parameterisation: 'epsilon' }, graph.inputs[0])
 */
export const sampleOf = (
  { sample }: AdoptOptions<Parameterisation>,
  latents: Value,
): E.Either<ConfigProblem, ReadonlyArray<number>> => {
  const own = latents.shape.slice(1)
  if (sample === undefined)
    return isStatic(own)
      ? E.right(own)
      : E.left(
          refusedOption(
            'sample',
            own,
            `numbers: the model leaves the lengths ${showShape(own)} of its latents open`,
          ),
        )
  return mayMatch(own, sample)
    ? E.right(sample)
    : E.left(
        refusedOption(
          'dataset',
          sample,
          `samples of shape ${showShape(own)}, which the model's input "${nameOf(latents)}" takes`,
        ),
      )
}

const takes = (type: ElementType, given: ElementType): boolean => isFloat(type) || !isFloat(given)

/**
 * Why an input cannot be fed, if it cannot.
 *
 * @param ours the name that batches have it under
 * @example
 * const problems = conditioningProblem('label', input('label', 'int64', ['n']), { label: { type: 'int64', dims: [] } })
 */
export const conditioningProblem = (
  ours: string,
  value: Value,
  given: AdoptOptions<Parameterisation>['conditioning'],
): ReadonlyArray<ConfigProblem> => {
  const theirs = nameOf(value)
  if (['latents', 'timestep'].includes(ours))
    return [refusedOption(`inputs.${ours}`, theirs, 'another name: this one is taken')]
  if (given === undefined) return []
  if (!Object.hasOwn(given, ours))
    return [
      refusedOption(
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
        refusedOption(
          `inputs.${ours}`,
          theirs,
          `rows of the dataset that fit ${shown({ type: value.type, shape: value.shape.slice(1) })}; those of "${ours}" are ${shown({ type, shape: dims })}`,
        ),
      ]
}

/**
 * That nobody said what an input is that is the same for all samples.
 *
 * @example
 * const { key } = missingConstant(input('ids', 'float32', [9, 2])) // constants.ids
 */
export const missingConstant = (value: Value): ConfigProblem =>
  refusedOption(
    `constants.${nameOf(value)}`,
    undefined,
    `what the model's input "${nameOf(value)}", ${shown(value)}, is for all samples, as it has no batch axis: a number for every element, grid:ROWSxCOLUMNS for the places of tokens, or an array "shared.${nameOf(value)}" of the dataset`,
  )

/**
 * What nobody said and nothing shows.
 *
 * @example
 * declare const graph: Graph
 * const problems = missingRoles(graph, rolesOf(graph))
 */
export const missingRoles = (graph: Graph, roles: Roles): ReadonlyArray<ConfigProblem> => {
  const inputs = list(graph.inputs.map((x) => `${nameOf(x)} ${shown(x)}`))
  return [
    ...(roles.latents === undefined
      ? [
          refusedOption(
            'inputs.latents',
            undefined,
            `the input that takes the latents; the model has ${inputs}`,
          ),
        ]
      : []),
    ...(roles.timestep === undefined
      ? [
          refusedOption(
            'inputs.timestep',
            undefined,
            `the input that takes the time; the model has ${inputs}`,
          ),
        ]
      : []),
    ...(roles.prediction === undefined
      ? [
          refusedOption(
            'output',
            undefined,
            `the output that is the prediction; the model has ${list(Object.entries(graph.outputs).map(([name, y]) => `${name} ${shown(y)}`))}`,
          ),
        ]
      : []),
  ]
}

/**
 * How to export a model so that it takes batches of any length, for messages.
 *
 * @param latents the graph's input: where it takes batches of any length already, what is behind it does not
 * @example
 * const message = `this one was exported for batches of 2. ${batchAdvice(input('x', 'float32', [2, 4]))}`
 */
export const batchAdvice = ({ shape: [batch] }: Value): string =>
  typeof batch === 'number'
    ? 'Export it with a dynamic batch axis: dynamic_shapes of torch.onnx.export with dynamo=True, dynamic_axes without'
    : 'Its inputs do, but the exporter wrote the length of its example into what comes after them: try the other exporter (dynamo=True or False), or take lengths from x.shape in the model'

/**
 * Why an output cannot be the prediction for such latents, if it cannot.
 *
 * @param name of the output
 * @param latents the graph's input
 * @example
 * const wrong = predictionProblem(input('y', 'float32', ['batch', 8]), [4], 'y', input('x', 'float32', ['n', 4]))
 */
export const predictionProblem = (
  prediction: Value,
  sample: ReadonlyArray<number>,
  name: string,
  latents: Value,
): ConfigProblem | undefined => {
  const wanted = [batchAxis, ...sample]
  if (prediction.type === 'float32' && sameShape(prediction.shape, wanted)) return undefined
  if (typeof prediction.shape[0] === 'number' && prediction.shape.length === wanted.length)
    return refusedOption(
      'path',
      undefined,
      `a model that takes batches of any length; this one was exported for batches of ${prediction.shape[0]}. ${batchAdvice(latents)}`,
    )
  const doubled = sample.length > 0 && prediction.shape[1] === 2 * sample[0]
  return refusedOption(
    'output',
    name,
    doubled
      ? `the shape of the latents, ${showShape(wanted)}; it has twice their channels: if half of them are a variance, set learned_sigma`
      : `float32${showShape(wanted)}, the shape of the latents; it is ${shown(prediction)}`,
  )
}
