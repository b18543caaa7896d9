import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  defar,
  huber,
  type Loss,
  masked,
  mean,
  minSnr,
  mse,
  snrThreshold,
  squaredError,
  weighted,
} from 'deriva/loss'
import { mlp } from 'deriva/model'
import { ddpm, flow } from 'deriva/path'
import { euler } from 'deriva/solver'
import {
  type Arrival,
  corrected,
  dataset,
  descend,
  dream,
  type Descended,
  jumped,
  type Noised,
  noised,
  type Pipeline,
  renoised,
  rollout,
  training,
} from 'deriva/stream'
import { adamw, trainer } from 'deriva/train'
import { float32, type Parameterisation, type Source } from 'deriva/types'
import { lastValueFrom, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'

/** Losses that ask for more than a prediction, in the whole machine: a few steps of a small model must go downhill. */

const batchSize = 64
/** One point of the plane: what is left to learn is how to get there, from anywhere. */
const plain: Source = (step) =>
  TE.right({
    ids: Uint32Array.from({ length: batchSize }, (_, i) => step * batchSize + i),
    x0: Float32Array.from({ length: 2 * batchSize }, (_, i) => (i % 2 === 0 ? 1 : -0.5)),
    shape: [2],
    conditioning: {},
  })
const withMask: Source<'mask'> = (step) =>
  pipe(
    plain(step),
    TE.map((batch) => ({
      ...batch,
      conditioning: {
        mask: float32(
          [batchSize, 2],
          Array.from({ length: 2 * batchSize }, (_, i) => i % 2),
        ),
      },
    })),
  )

const losses = async <P extends Parameterisation, N extends string>(
  parameterisation: P,
  loss: Loss<P, N>,
  pipeline: Pipeline<P, Noised<N, Arrival<N>>>,
): Promise<ReadonlyArray<Descended['metrics']>> => {
  const model = mlp({ parameterisation, sample: [2], width: 32, depth: 1, seed: 1 })
  const optimizer = adamw({ learningRate: () => 1e-2 })
  const compiled = await trainer({ model, loss, optimizer, batchSize, threads: 1, maxGradientNorm: 1 })()
  if (E.isLeft(compiled)) throw new Error(compiled.left.message)
  const run = pipe(pipeline, descend(compiled.right), training(compiled.right, { steps: 120, seed: 1 }))
  const steps = await lastValueFrom(run.pipe(toArray()))
  return steps.map(({ metrics }) => metrics)
}
const meanLoss = (metrics: ReadonlyArray<Descended['metrics']>): number =>
  metrics.reduce((sum, { loss }) => sum + loss, 0) / metrics.length
const expectDownhill = (metrics: ReadonlyArray<Descended['metrics']>): void => {
  expect(metrics.every(({ loss, gradientNorm }) => Number.isFinite(loss + gradientNorm))).toBe(true)
  expect(meanLoss(metrics.slice(-20))).toBeLessThan(0.8 * meanLoss(metrics.slice(0, 10)))
}

const vp = ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })
const plan = { maxStepOffset: 1, stride: 50, probability: () => 0.5 }

describe('in training', () => {
  it('defar asks the model at two more points, and logs the size of its weight', async () => {
    const metrics = await losses('flow_matching', defar(), pipe(dataset(plain), noised(flow()), jumped()))
    expectDownhill(metrics)
    // Over the mean of absolute values, the mean is 1.
    expect(metrics.at(-1)?.terms['fc_size']).toBeCloseTo(1, 3)
  })

  it('min-SNR knows the noise levels, zero terminal SNR included; DREAM feeds it', async () => {
    expectDownhill(
      await losses('epsilon', weighted(minSnr(5))(mse), pipe(dataset(plain), noised(vp), dream())),
    )
    expectDownhill(await losses('v_prediction', weighted(minSnr(5))(mse), pipe(dataset(plain), noised(vp))))
  })

  it('a scheduled, masked Huber loss trains SOAR on re-noised rollouts', async () => {
    const loss = mean('huber', masked('mask', { over: 'masked' })(huber(snrThreshold(0.1))))
    const soar = pipe(dataset(withMask), noised(flow()), rollout(euler(), plan), renoised(), corrected())
    expectDownhill(await losses('flow_matching', loss, soar))
  })

  it('a mask that no batch brings does not compile, and where types are circumvented is an error that names it', async () => {
    const pipeline = pipe(dataset(plain), noised(vp))
    const loss = mean('mse', masked('mask')(squaredError))
    await expect(
      // @ts-expect-error: no batch brings a mask
      losses('epsilon', loss, pipeline),
    ).rejects.toMatchObject({ message: expect.stringContaining('mask') as string })
  })
})
