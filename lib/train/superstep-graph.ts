import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Draft,
  draftRepeated,
  gather,
  input,
  type RaggedAxis,
  type Shape,
  sub,
  substitute,
  type Value,
} from '../onnx/index.js'
import type { AskRows } from '../rollout/index.js'
import type { ElementType, ErrorOf, Parameterisation } from '../types/index.js'
import { emptyInput, type InGraphRollout, latentsInGraph } from './in-graph-rollout.js'
import { frozen } from './frozen.js'
import { joined, type Joints } from './joined.js'
import { names } from './names.js'
import { initialOf, isMatrix } from './successors.js'
import { type StepValues, stepValues, type TrainingGraph, weightsOf } from './training-graph.js'
import type { TrainingGraphOptions } from './training-options.js'

export type SuperstepGraphOptions<P extends Parameterisation> = Omit<
  TrainingGraphOptions<P>,
  'accumulate'
> & {
  /** The rollouts of each step, made in the graph. Default: none. */
  readonly rollout?: InGraphRollout
  /** Whether weights of one shape are computed with as one where the optimizer allows it (`joined`). Default false. */
  readonly joins?: boolean
  /** The same graph in the operators that a device has. Default: as it is. */
  readonly suited?: (outputs: ReadonlyArray<Value>) => ReadonlyArray<Value>
}

/** Any number of optimizer steps as an ordinary ONNX file: (state, batches) → (its successor; what each step reports). */
export type SuperstepGraph = Omit<TrainingGraph, 'files'> & {
  readonly file: Draft
  /** What may be of another length at every step. */
  readonly ragged: ReadonlyArray<RaggedAxis>
}

/** A step whose latents are rolled out in the graph, from inputs of its own. */
const rolledOut = (
  { outputs, model, readsClean }: StepValues,
  batchSize: number,
  rollout: InGraphRollout | undefined,
): Readonly<Record<string, Value>> => {
  const fed = (name: string, type: ElementType, shape: Shape): Value =>
    input(
      name,
      type,
      shape.map((dim) => (dim === 'batch' ? batchSize : dim)),
    )
  const asking =
    (conditioned: (name: string, type: ElementType, shape: Shape, rows: Value) => Value): AskRows =>
    (latents, timesteps, rows) => {
      const told: Readonly<Partial<Record<string, Value>>> = { latents, timestep: timesteps }
      const [prediction = latents] = substitute([model.prediction], ({ node, type, shape }) =>
        node.kind === 'input' ? (told[node.name] ?? conditioned(node.name, type, shape, rows)) : undefined,
      )
      return prediction
    }
  const given = asking((name, type, shape, rows) => gather(fed(name, type, shape), rows))
  // The same row for every sample.
  const anything = asking((name, type, [, ...dims], rows) =>
    gather(fed(emptyInput(name), type, [1, ...dims]), sub(rows, rows)),
  )
  const ask = { given, anything }
  const made = rollout && latentsInGraph(ask, { rollout, batchSize, sample: model.sample, readsClean }, fed)
  const replaced: Readonly<Partial<Record<string, Value>>> = made?.replaced ?? {}
  const values = substitute(Object.values(outputs), ({ node, type, shape }) =>
    node.kind === 'input' ? (replaced[node.name] ?? fed(node.name, type, shape)) : undefined,
  )
  return {
    ...Object.fromEntries(Object.keys(outputs).map((name, i) => [name, values[i]])),
    ...made?.reported,
  }
}

/** A step, on joined weights if so; what it starts with is under the names of the weights as they were. */
const stepOn = <P extends Parameterisation>(
  joins: boolean,
  options: Omit<TrainingGraphOptions<P>, 'accumulate'>,
): E.Either<
  ErrorOf<'GradientError'>,
  Pick<SuperstepGraph, 'parameters' | 'memory'> & { readonly step: StepValues; readonly joints: Joints }
> => {
  const { optimizer, trains = () => true, decays = isMatrix } = options
  if (!joins || optimizer.elementwise !== true)
    return pipe(
      stepValues(options),
      E.map((step) => ({ ...step, step, joints: {} })),
    )
  const separate = frozen(options.model, trains)
  const { model, joints } = joined(separate, (name, dims) => String(decays(name, dims)))
  const together: Readonly<Partial<Joints>> = joints
  return pipe(
    stepValues({
      ...options,
      model,
      trains: () => true,
      decays: (name, dims) => {
        const parts = together[name]
        return parts === undefined
          ? decays(name, dims)
          : decays(parts[0], [dims[0] / parts.length, ...dims.slice(1)])
      },
    }),
    E.map((step) => {
      const parameters = initialOf(weightsOf(separate))
      return { step, joints, parameters, memory: { ...step.memory, ...optimizer.memory(parameters) } }
    }),
  )
}

/**
 * Optimizer steps as one graph, as many as it is told at each run, each on the weights that the one before it leaves, rollouts
 * included: what is fed is known before the first of them, and nothing but the last state and the steps' reports comes out. It is the
 * graph of a single step in a loop.
 *
 * @returns Left `GradientError` as `trainingGraph`
 * @example
 * declare const model: Model<'flow_matching'>
 * const optimizer = adamw({ learningRate: () => 1e-3 })
 * const graph = superstepGraph({ model, loss: mse, optimizer, batchSize: 64, averages: true })
 */
export const superstepGraph = <P extends Parameterisation>({
  rollout,
  joins = false,
  suited = (outputs) => outputs,
  ...options
}: SuperstepGraphOptions<P>): E.Either<ErrorOf<'GradientError'>, SuperstepGraph> =>
  pipe(
    stepOn(joins, options),
    E.map(({ step, joints, parameters, memory }) => {
      const outputs = rolledOut(step, options.batchSize, rollout)
      const values = suited(Object.values(outputs))
      const prefix = names.next('')
      const called = [
        (name: string) => name,
        names.average,
        ...Object.keys(step.memory).map((slot) => (name: string) => names.slot(slot, name)),
      ]
      const { whole: file, ragged } = draftRepeated({
        outputs: Object.fromEntries(Object.keys(outputs).map((name, i) => [name, values[i]])),
        carried: Object.fromEntries(
          Object.keys(outputs).flatMap((name) =>
            name.startsWith(prefix) ? [[name, name.slice(prefix.length)]] : [],
          ),
        ),
        parts: Object.fromEntries(
          Object.entries(joints).flatMap(([joint, parts]) =>
            called.map((rename) => [
              names.next(rename(joint)),
              Object.fromEntries(parts.map((part) => [names.next(rename(part)), rename(part)])),
            ]),
          ),
        ),
        name: 'superstep',
      })
      return { file, ragged, parameters, memory, readsClean: step.readsClean }
    }),
  )
