import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { grad } from 'deriva/autodiff'
import { batches, type Dataset } from 'deriva/data'
import { openSession } from 'deriva/engine'
import { convolution, linear, scope, silu } from 'deriva/model'
import {
  encode,
  gatherElements,
  input,
  leaves,
  logSoftmax,
  neg,
  reduceMean,
  reshape,
  unsqueeze,
  type Value,
} from 'deriva/onnx'
import { adamw, type Parameters, schedules } from 'deriva/train'
import { type DerivaError, float32, type TensorOf } from 'deriva/types'
import { type Images, side, some } from './images.js'

/** Numbers that the last but one layer says of an image. */
export const features = 64

/** Images [batch, 1, 16, 16] to features [batch, 64] and the logits of classes. */
const network = (images: Value, classes: number): { readonly features: Value; readonly logits: Value } => {
  const root = scope(7)
  const a = silu(convolution(root.at('a'), images, 16, { kernel: 3 }))
  const b = silu(convolution(root.at('b'), a, 32, { kernel: 3, stride: 2 }))
  const c = silu(convolution(root.at('c'), b, 64, { kernel: 3, stride: 2 }))
  const seen = silu(linear(root.at('d'), reshape(c, [0, 64 * (side / 4) ** 2]), features))
  return { features: seen, logits: linear(root.at('e'), seen, classes) }
}

/** What a classifier says of images. */
export type Verdict = {
  /** [count, 64] */
  readonly features: Float32Array
  /** The share of images whose most likely class is their label, 0 … 1. */
  readonly accuracy: number
}

export type Classifier = (images: Images) => TE.TaskEither<DerivaError, Verdict>

const asFloats = (tensor: { readonly type: string; readonly data: unknown } | undefined): Float32Array => {
  if (!(tensor?.data instanceof Float32Array))
    throw new Error('the graph gives something that is not float32')
  return tensor.data
}

/** Weights after `steps` batches of Adam on the cross-entropy: the gradients, and the optimizer, are nodes of one graph. */
export const trainedClassifier = (
  dataset: Dataset,
  {
    steps,
    batchSize,
    threads,
  }: { readonly steps: number; readonly batchSize: number; readonly threads: number },
): TE.TaskEither<DerivaError, Parameters> => {
  const { logits } = network(input('images', 'float32', [batchSize, 1, side, side]), dataset.classes)
  const label = unsqueeze(input('label', 'int64', [batchSize]), [1])
  const loss = reduceMean(neg(gatherElements(logSoftmax(logits, 1), label, 1)), [0, 1], false)
  const weights = leaves([loss]).flatMap((value) =>
    value.node.kind === 'parameter' && value.node.initial.type === 'float32'
      ? [{ value, name: value.node.name, initial: value.node.initial }]
      : [],
  )
  const optimizer = adamw({
    learningRate: schedules.cosine({ peak: 2e-3, steps }),
    weightDecay: 0.01,
  })
  const initial: Parameters = Object.fromEntries(weights.map(({ name, initial: tensor }) => [name, tensor]))
  const memory = optimizer.memory(initial)
  const slotName = (slot: string, name: string): string => `${slot}/${name}`
  const graph = pipe(
    grad(
      loss,
      weights.map(({ value }) => value),
    ),
    E.map((gradients) => {
      const scalars = new Map<string, Value>()
      const next = optimizer.update({
        trainees: weights.map(({ value, name, initial: { dims } }, i) => ({
          name,
          parameter: value,
          gradient: gradients[i],
          decays: dims.length > 1,
        })),
        memory: Object.fromEntries(
          Object.entries(memory).map(([slot, own]) => [
            slot,
            Object.fromEntries(
              Object.entries(own).map(([name, { dims }]) => [
                name,
                input(slotName(slot, name), 'float32', dims),
              ]),
            ),
          ]),
        ),
        scalar: (name) => {
          const value = scalars.get(name) ?? input(name, 'float32', [])
          scalars.set(name, value)
          return value
        },
      })
      const outputs = {
        loss,
        ...Object.fromEntries(weights.map(({ name }, i) => [`next/${name}`, next.parameters[i]])),
        ...Object.fromEntries(
          Object.entries(next.memory).flatMap(([slot, own]) =>
            Object.entries(own).map(([name, value]) => [`next/${slotName(slot, name)}`, value]),
          ),
        ),
      }
      return encode({ outputs, parameters: 'inputs', name: 'classifier' })
    }),
  )
  const source = batches(dataset, { batchSize, seed: 7 })
  type Feeds = Readonly<Record<string, TensorOf<'float32'>>>
  return pipe(
    TE.fromEither(graph),
    TE.chainW((file) => openSession(file, { threads, name: 'classifier' })),
    TE.chainW((session) => {
      const step = (state: Feeds, i: number): TE.TaskEither<DerivaError, Feeds> =>
        pipe(
          source(i),
          TE.chainW(({ x0, conditioning }) =>
            session.run({
              ...state,
              ...conditioning,
              images: float32([batchSize, 1, side, side], x0),
              ...Object.fromEntries(
                Object.entries(optimizer.scalars(i)).map(([name, x]) => [name, float32([], [x])]),
              ),
            }),
          ),
          TE.map((outputs) =>
            Object.fromEntries(
              Object.entries(state).map(([name, { dims }]) => [
                name,
                float32(dims, asFloats(outputs[`next/${name}`])),
              ]),
            ),
          ),
        )
      const start: Feeds = {
        ...initial,
        ...Object.fromEntries(
          Object.entries(memory).flatMap(([slot, own]) =>
            Object.entries(own).map(([name, tensor]) => [slotName(slot, name), tensor]),
          ),
        ),
      }
      return async () => {
        let state = start
        for (let i = 0; i < steps; i++) {
          const next = await step(state, i)()
          if (E.isLeft(next)) return next
          state = next.right
        }
        return E.right(Object.fromEntries(Object.keys(initial).map((name) => [name, state[name]])))
      }
    }),
  )
}

/** Images go through the network so many at a time. */
const atOnce = 500

/** The share of rows of logits whose largest is that of the label. */
const accuracyOf = (logits: Float32Array, labels: ReadonlyArray<number>): number => {
  const classes = logits.length / labels.length
  const right = labels.filter((label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes)
    return row.every((x, c) => c === label || x < row[label])
  })
  return right.length / labels.length
}

/** Opens a trained classifier. */
export const openClassifier = (
  weights: Parameters,
  classes: number,
  threads: number,
): TE.TaskEither<DerivaError, Classifier> => {
  const outputs = network(input('images', 'float32', ['batch', 1, side, side]), classes)
  const file = encode({ outputs, parameters: 'inputs', name: 'classifier' })
  return pipe(
    openSession(file, { threads, name: 'classifier' }),
    TE.map((session): Classifier => ({ data, labels, count }) => async () => {
      const found = {
        features: new Float32Array(count * features),
        logits: new Float32Array(count * classes),
      }
      for (let from = 0; from < count; from += atOnce) {
        const { data: images, count: rows } = some({ data, labels, count }, from, atOnce)
        const ran = await session.run({ ...weights, images: float32([rows, 1, side, side], images) })()
        if (E.isLeft(ran)) return ran
        found.features.set(asFloats(ran.right.features), from * features)
        found.logits.set(asFloats(ran.right.logits), from * classes)
      }
      return E.right({ features: found.features, accuracy: accuracyOf(found.logits, labels) })
    }),
  )
}
