import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { leaves, type Value } from '../onnx/index.js'
import { names, stepValues, type TrainerOptions } from '../train/index.js'
import { byteLength, type ErrorOf, type Parameterisation, type Tensor } from '../types/index.js'
import { peakBytes } from './inspect/peak-bytes.js'
import { runOrder } from './inspect/run-order.js'

/** What training holds, in bytes. */
export type PlannedMemory = {
  /** All weights of the model, those that do not train included. */
  readonly weights: number
  /** The moving averages of those that train. */
  readonly averages: number
  /** What the optimizer remembers. */
  readonly optimizer: number
  /** Gradients and activations at the fullest moment of a step; a device may need more, or share more, than the graph tells. */
  readonly step: number
}

const sum = <A>(all: ReadonlyArray<A>, bytes: (one: A) => number): number =>
  all.reduce((total, one) => total + bytes(one), 0)

const bytesOf = (tensors: Readonly<Record<string, Tensor>>): number => sum(Object.values(tensors), byteLength)

const initialOf = ({ node }: Value): ReadonlyArray<Tensor> =>
  node.kind === 'parameter' ? [node.initial] : []

/**
 * What the steps of a trainer hold in memory, by its graph.
 *
 * @returns Left `GradientError` when the model cannot be differentiated
 * @example
 * declare const model: Model<'flow_matching'>
 * const memory = plannedMemory({ model, loss: mse, optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64 })
 */
export const plannedMemory = <P extends Parameterisation, N extends string>({
  emaDecay,
  accumulate = 1,
  ...options
}: TrainerOptions<P, N>): E.Either<ErrorOf<'GradientError'>, PlannedMemory> =>
  pipe(
    stepValues({ ...options, batchSize: options.batchSize / accumulate, averages: emaDecay !== undefined }),
    E.map(({ outputs, parameters, memory }): PlannedMemory => {
      // The successors of what there was take its place; until then there is a gradient for each weight that trains.
      const rest = Object.entries(outputs).flatMap(([name, value]) =>
        name.startsWith(names.next('')) ? [] : [value],
      )
      const { prediction, training = prediction } = options.model
      return {
        weights: sum(leaves([training]).flatMap(initialOf), byteLength),
        averages: emaDecay === undefined ? 0 : bytesOf(parameters),
        optimizer: sum(Object.values(memory), bytesOf),
        step: peakBytes(rest, runOrder(rest)) + bytesOf(parameters),
      }
    }),
  )
