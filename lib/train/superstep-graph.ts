import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { encode, gather, input, type Shape, substitute, type Value } from '../onnx/index.js'
import type { AskRows } from '../rollout/index.js'
import type { ElementType, ErrorOf, Parameterisation } from '../types/index.js'
import { type InGraphRollout, latentsInGraph } from './in-graph-rollout.js'
import { names } from './names.js'
import {
  type StepValues,
  stepValues,
  type TrainingGraph,
  type TrainingGraphOptions,
} from './training-graph.js'

export type SuperstepGraphOptions<P extends Parameterisation> = Omit<
  TrainingGraphOptions<P>,
  'accumulate'
> & {
  /** Optimizer steps in the graph: an integer from 1. */
  readonly steps: number
  /** The rollouts of each step, made in the graph. Default: none. */
  readonly rollout?: InGraphRollout
}

/** So many optimizer steps as an ordinary ONNX file: (state, batches) → (its successor; `names.at(i, …)`: what each step reports). */
export type SuperstepGraph = Omit<TrainingGraph, 'files'> & { readonly file: Uint8Array }

/** Values of the state by name, where a step finds them. */
type Standing = ReadonlyMap<string, Value>

/** Step number i of the graph: the outputs of a step, from where the steps before it left the state and from inputs of its own. */
const stepAt = (
  { outputs, model, readsClean }: StepValues,
  { batchSize, rollout }: Pick<SuperstepGraphOptions<Parameterisation>, 'batchSize' | 'rollout'>,
  standing: Standing,
  isState: (name: string) => boolean,
  i: number,
): Readonly<Record<string, Value>> => {
  const inputs = new Map<string, Value>()
  const fed = (name: string, type: ElementType, shape: Shape): Value => {
    const dims = shape.map((dim) =>
      dim === 'batch' ? batchSize : typeof dim === 'string' ? `${dim}_${i}` : dim,
    )
    const value = inputs.get(name) ?? input(names.at(i, name), type, dims)
    inputs.set(name, value)
    return value
  }
  const leaf = (value: Value, batch: (value: Value) => Value | undefined): Value | undefined => {
    const { node } = value
    if (node.kind === 'parameter' || (node.kind === 'input' && isState(node.name)))
      return standing.get(node.name)
    return node.kind === 'input' ? batch(value) : undefined
  }
  const shared = (value: Value): Value | undefined =>
    value.node.kind === 'input' ? fed(value.node.name, value.type, value.shape) : undefined
  const ask: AskRows = (latents, timesteps, rows) => {
    const told = { latents, timestep: timesteps }
    const [prediction = latents] = substitute([model.prediction], (value) =>
      leaf(value, (given) => {
        const name = given.node.kind === 'input' ? given.node.name : ''
        if (name === 'latents' || name === 'timestep') return told[name]
        const whole = shared(given)
        return whole && gather(whole, rows)
      }),
    )
    return prediction
  }
  const made = rollout && latentsInGraph(ask, { rollout, batchSize, sample: model.sample, readsClean }, fed)
  const replaced: Readonly<Partial<Record<string, Value>>> = made?.replaced ?? {}
  const values = substitute(Object.values(outputs), (value) =>
    leaf(value, (given) =>
      given.node.kind === 'input' ? (replaced[given.node.name] ?? shared(given)) : undefined,
    ),
  )
  return {
    ...Object.fromEntries(Object.keys(outputs).map((name, k) => [name, values[k]])),
    ...made?.reported,
  }
}

/**
 * Several optimizer steps as one graph, each on the weights that the one before it leaves, rollouts included: what is fed is known
 * before the first of them, and nothing but the last state and the steps' reports comes out. The steps are unrolled: ONNX's Loop
 * copies what it carries at every turn.
 *
 * The graph of a single step is differentiated once; the others are copies of it with other leaves.
 *
 * @returns Left `GradientError` as `trainingGraph`
 * @throws RangeError where `steps` is no integer from 1
 * @example
 * declare const model: Model<'flow_matching'>
 * const optimizer = adamw({ learningRate: () => 1e-3 })
 * const graph = superstepGraph({ model, loss: mse, optimizer, batchSize: 64, averages: true, steps: 4 })
 */
export const superstepGraph = <P extends Parameterisation>({
  steps,
  rollout,
  ...options
}: SuperstepGraphOptions<P>): E.Either<ErrorOf<'GradientError'>, SuperstepGraph> => {
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`a superstep of ${steps} steps: has to be an integer from 1`)
  return pipe(
    stepValues(options),
    E.map((step) => {
      const prefix = names.next('')
      const stateNames = Object.keys(step.outputs).flatMap((name) =>
        name.startsWith(prefix) ? [name.slice(prefix.length)] : [],
      )
      const known = new Set(stateNames)
      const shared = {
        batchSize: options.batchSize,
        ...(rollout === undefined ? {} : { rollout }),
      }
      let standing: Standing = new Map()
      const reports: Array<readonly [string, Value]> = []
      for (let i = 0; i < steps; i++) {
        const made = stepAt(step, shared, standing, (name) => known.has(name), i)
        standing = new Map(stateNames.map((name) => [name, made[names.next(name)]]))
        for (const [name, value] of Object.entries(made))
          if (!name.startsWith(prefix)) reports.push([names.at(i, name), value])
      }
      const successors = [...standing].map(([name, value]) => [names.next(name), value] as const)
      const outputs = Object.fromEntries([...reports, ...successors])
      const { parameters, memory, readsClean } = step
      return {
        file: encode({ outputs, parameters: 'inputs', name: 'superstep' }),
        parameters,
        memory,
        readsClean,
      }
    }),
  )
}
