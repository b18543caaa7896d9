import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { weightLimits } from '../../engine/index.js'
import { mse } from '../../loss/index.js'
import type { Model } from '../../model/index.js'
import { bytesOfValues, dependents, type Node, topological, type Value } from '../../onnx/index.js'
import { adamw, stepValues } from '../../train/index.js'
import {
  byteLength,
  type ErrorOf,
  identityOf,
  type Parameterisation,
  type Tensor,
} from '../../types/index.js'
import { peakBytes } from './peak-bytes.js'
import { runOrder } from './run-order.js'

/** What is the same at every run: constants, and what is computed from these alone, which ONNX Runtime does once. */
const known = (order: ReadonlyArray<Node>): ReadonlySet<Node> => {
  const changing = dependents(order, ({ kind }) => kind === 'input' || kind === 'parameter')
  return new Set(order.filter((node) => !changing.has(node)))
}

const multiplies: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'Conv'])

/** A graph that a session is opened on, and what of it is constant. */
type Compiled = { readonly order: ReadonlyArray<Node>; readonly constants: ReadonlySet<Node> }

const compiled = (outputs: ReadonlyArray<Value>): Compiled => {
  const order = topological(outputs)
  return { order, constants: known(order) }
}

/**
 * Bytes of constants: `raw` all of them, `kept` those that stay, and `made` what is computed from constants alone and the copies in the order in which products
 * read them. A constant that a single matrix product reads is let go when its copy is there.
 */
const constantBytes = ({ order, constants }: Compiled) => {
  const readers = new Map<Node, ReadonlyArray<string>>()
  for (const node of order)
    if (node.kind === 'operator')
      for (const x of node.inputs)
        if (x !== undefined && constants.has(x.node))
          readers.set(x.node, [...(readers.get(x.node) ?? []), node.operator])
  const readersOf = (node: Node): ReadonlyArray<string> => readers.get(node) ?? []
  const products = (node: Node): number => readersOf(node).filter((name) => multiplies.has(name)).length
  const isLetGo = (node: Node): boolean =>
    readersOf(node).length === 1 && products(node) === 1 && !readersOf(node).includes('Conv')
  const bytes = (times: (node: Node) => number): number =>
    [...constants].reduce((sum, node) => sum + times(node) * bytesOfValues(node.outputs), 0)
  const isRaw = ({ kind }: Node): boolean => kind === 'constant'
  return {
    raw: bytes((node) => Number(isRaw(node))),
    kept: bytes((node) => Number(isRaw(node) && !isLetGo(node))),
    made: bytes((node) => products(node) + Number(!isRaw(node) && !isLetGo(node))),
  }
}

/** What sessions on the same model hold of its constants; see `weightLimits`. Of mapped ones no copies were seen. */
const heldBytes = (sessions: ReadonlyArray<Compiled>): number => {
  const bytes = sessions.map(constantBytes)
  const largest = Math.max(...bytes.map(({ raw }) => raw))
  return largest > weightLimits.mapped ? largest : bytes.reduce((sum, { kept, made }) => sum + kept + made, 0)
}

/** Weights that are in this thread's memory; others are read from their file, or converted, when they are needed. */
const loadedBytes = (tensors: Iterable<Tensor>): number =>
  [...new Set(tensors)].reduce(
    (sum, tensor) => sum + (identityOf(tensor) === tensor ? 0 : byteLength(tensor)),
    0,
  )

const tensorsOf = (order: ReadonlyArray<Node>): ReadonlyArray<Tensor> =>
  order.flatMap((node) =>
    node.kind === 'parameter' ? [node.initial] : node.kind === 'constant' ? [node.tensor] : [],
  )

/** What Node, ONNX Runtime and deriva take for themselves, in two threads: measured on Linux. */
const runtimeBytes = 290 * 2 ** 20

/**
 * The most bytes that a process on the CPU holds which trains a model with AdamW and an average of its weights: within 15 % of what was measured of
 * transformers, UNets and stacks of linear layers, whole and as LoRA (`bench/training-memory.ts`). They are, beside Node and ONNX Runtime,
 *
 * - the weights that the model came with, and the constants of two sessions, one that trains and one for rollouts,
 * - the state before a step and the state after it, each of weights, average and two moments,
 * - what a step computes at its fullest moment: activations and gradients, or the next state, which is copied when it is whole.
 *
 * @returns Left `GradientError` where an operator on the way to a weight has no gradient
 * @example
 * const model = mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })
 * const bytes = trainingMemory(model, 64)
 */
export const trainingMemory = (
  model: Model<Parameterisation>,
  batchSize: number,
): E.Either<ErrorOf<'GradientError'>, number> =>
  pipe(
    stepValues({
      model,
      loss: mse,
      optimizer: adamw({ learningRate: () => 0 }),
      batchSize,
      averages: true,
      maxGradientNorm: 1,
    }),
    E.map(({ outputs }) => {
      const step = Object.values(outputs)
      const training = compiled(step)
      const { order, constants } = training
      return (
        runtimeBytes +
        loadedBytes(tensorsOf(order)) +
        heldBytes([training, compiled([model.prediction])]) +
        2 * bytesOfValues(step) +
        peakBytes(step, runOrder(step), (node) => constants.has(node))
      )
    }),
  )
