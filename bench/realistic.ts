/** Denoisers of the size that people train, and a training step of theirs to be timed and weighed. */
import * as E from 'fp-ts/lib/Either.js'
import { openSession } from 'deriva/engine'
import { mse } from 'deriva/loss'
import { dit, type Model, unet } from 'deriva/model'
import { normal } from 'deriva/random'
import { adamw, names, trainingGraph, type TrainingGraph, type TrainingGraphOptions } from 'deriva/train'
import { type Batch, float32, int64, size, type Tensor } from 'deriva/types'

/** The same samples at every step; what is drawn for them changes with the step. */
export const batchOf = (sample: ReadonlyArray<number>, count: number): Batch => {
  const ids = Uint32Array.from({ length: count }, (_, i) => i)
  const elements = size(sample)
  const x0 = new Float32Array(count * elements)
  ids.forEach((id) => normal({ seed: 1, purpose: 'data', step: 0, sample: id }, x0, id * elements, elements))
  const label = int64(
    [count],
    Array.from(ids, (id) => id % 10),
  )
  return { ids, x0, shape: sample, conditioning: { label } }
}

export const right = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message)
  return either.right
}

export const noise = (n: number): Float32Array =>
  normal({ seed: 1, purpose: 'data', step: 0, sample: 0 }, new Float32Array(n))

const latents = { sample: [4, 32, 32], classes: 10 } as const
const digits = { sample: [1, 28, 28], classes: 10 } as const

/** What is measured, as both sides of a benchmark build it, and on which batch. */
export const realistic = {
  dit: {
    label: 'DiT-S/2, 4×32×32',
    batch: 8,
    model: { type: 'dit', ...latents, patch: 2, width: 384, depth: 12, heads: 6 },
  },
  unet: {
    label: 'UNet, 4×32×32',
    batch: 8,
    model: { type: 'unet', ...latents, width: 128, levels: 3, depth: 2, patch: 1, heads: 4 },
  },
  demo: {
    label: 'UNet of the demo, 1×28×28',
    batch: 32,
    model: { type: 'unet', ...digits, width: 24, levels: 2, depth: 1, patch: 2, heads: 0 },
  },
} as const

export type RealisticName = keyof typeof realistic

export const realisticModel = (name: RealisticName): Model<'flow_matching'> => {
  const { model } = realistic[name]
  const shared = { parameterisation: 'flow_matching', seed: 1 } as const
  return model.type === 'dit' ? dit({ ...shared, ...model }) : unet({ ...shared, ...model })
}

/** The names of a command line such as `dit,demo`. */
export const realisticNames = (text: string): ReadonlyArray<RealisticName> =>
  text.split(',').map((name) => {
    const known = Object.keys(realistic).find((key): key is RealisticName => key === name)
    if (known === undefined)
      throw new Error(`no model ${name}; there are ${Object.keys(realistic).join(', ')}`)
    return known
  })

export const median = (xs: ReadonlyArray<number>): number =>
  xs.toSorted((a, b) => a - b)[Math.floor(xs.length / 2)]

export type Step = {
  readonly graph: TrainingGraph
  readonly feeds: Readonly<Record<string, Tensor>>
}

/** Forward, backward, clipping and AdamW on random latents. */
export const stepOf = (
  model: Model<'flow_matching'>,
  batchSize: number,
  options: Partial<TrainingGraphOptions<'flow_matching'>> = {},
): Step => {
  const optimizer = adamw({ learningRate: () => 1e-4 })
  const graph = right(
    trainingGraph({
      model,
      loss: mse,
      optimizer,
      batchSize,
      averages: false,
      maxGradientNorm: 1,
      ...options,
    }),
  )
  const pixels = float32([batchSize, ...model.sample], noise(batchSize * size(model.sample)))
  const renamed = Object.entries(graph.memory).flatMap(([slot, own]) =>
    Object.entries(own).map(([name, tensor]) => [names.slot(slot, name), tensor] as const),
  )
  const scalars = Object.entries(optimizer.scalars(0)).map(
    ([name, x]) => [names.scalar(name), float32([], [x])] as const,
  )
  return {
    graph,
    feeds: {
      ...graph.parameters,
      ...Object.fromEntries([...renamed, ...scalars]),
      latents: pixels,
      target: pixels,
      timestep: float32(
        [batchSize],
        Array.from({ length: batchSize }, (_, i) => (1000 * (i + 1)) / batchSize),
      ),
      label: int64(
        [batchSize],
        Array.from({ length: batchSize }, (_, i) => i % 10),
      ),
    },
  }
}

export type Opened = { readonly run: () => Promise<Readonly<Record<string, Tensor>>> }

/** Compiles a step; what it is fed stays the same. */
export const opened = async ({ graph: { files }, feeds }: Step, threads?: number): Promise<Opened> => {
  if (files.kind !== 'whole') throw new Error('a step in parts is not timed here')
  const session = right(await openSession(files.step, threads === undefined ? {} : { threads })())
  return { run: async () => right(await session.run(feeds)()) }
}
