import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { mse } from 'deriva/loss'
import { mlp } from 'deriva/model'
import { flow } from 'deriva/path'
import { guidanceOf, plan } from 'deriva/rollout'
import { euler } from 'deriva/solver'
import {
  backpropagated,
  dataset,
  noised,
  type Noised,
  type Pipeline,
  rollout,
  supersteps,
  training,
} from 'deriva/stream'
import { openEngine } from 'deriva/engine'
import { adamw, superstep } from 'deriva/train'
import { type Batch, int64, type Source } from 'deriva/types'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { firstValueFrom, lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toyDenoiser } from '../rollout/toy-denoiser.js'
import { toySource, toyTrainer } from './toy.js'

const batchSize = 5
const path = flow()
const [seed, step] = [3, 7]
const options = { maxStepOffset: 4, stride: 50, probability: () => 0.8 } as const
const labels = [0, 1, 2, 3, 4]
const nobody = 9

const source =
  (change: Partial<Batch> = {}): Source =>
  (at) =>
    pipe(
      toySource(batchSize)(at),
      TE.map((batch) => ({
        ...batch,
        conditioning: { label: int64([batchSize], labels) },
        empty: { label: int64([1], [nobody]) },
        ...change,
      })),
    )
const ideal = pipe(dataset(source()), noised(path))

const run = async (pipeline: Pipeline<'flow_matching', Noised<never, boolean>>) => {
  const denoiser = toyDenoiser('flow_matching')
  const state = { ...toyTrainer('flow_matching').initial, step }
  const batch = await firstValueFrom(pipeline({ state, seed, denoiser }))
  return { batch, calls: denoiser.calls }
}

describe('a rollout under guidance', () => {
  it('is the loop that one would write, sample by sample and step by step', async () => {
    const scale = 4.5
    const { batch, calls } = await run(pipe(ideal, rollout(euler(), { ...options, guidance: scale })))
    // The toy's prediction, and the same guided.
    const toy = (x: number, t: number, label: number): number => Math.tanh(x) * t * 1e-3 + 0.1 * label
    const predicted = (x: number, t: number, label: number): number =>
      toy(x, t, nobody) + scale * (toy(x, t, label) - toy(x, t, nobody))
    const spans = plan(options, { seed, step }, batch.ids, batch.timesteps, path)
    let steps = 0
    spans.forEach(({ source: from, grid }, i) => {
      for (const e of [0, 1]) {
        const at = 2 * i + e
        let x = (1 - from / 1000) * batch.x0[at] + (from / 1000) * batch.noise[at]
        for (let k = 0; k + 1 < grid.length; k++) {
          const [t, next] = [grid[k].timestep, grid[k + 1].timestep]
          x += ((next - t) / 1000) * predicted(x, t, labels[i])
          if (e === 0) steps++
        }
        expect(batch.latents[at]).toBeCloseTo(x, 4)
      }
    })
    expect(steps).toBeGreaterThan(5)
    // Packed, twice: with and without the classes of those that still move.
    expect(batch.rollout.evaluations).toBe(2 * steps)
    expect(calls.reduce((a, b) => a + b, 0)).toBe(2 * steps)
    expect(calls.length).toBe(2 * Math.max(...spans.map(({ grid }) => grid.length - 1)))
    expect(calls.filter((_, i) => i % 2 === 0)).toEqual(calls.filter((_, i) => i % 2 === 1))
  })

  it('is a plain one at 1, and costs no more', async () => {
    const [plain, one] = [
      await run(pipe(ideal, rollout(euler(), options))),
      await run(pipe(ideal, rollout(euler(), { ...options, guidance: 1 }))),
    ]
    expect(one.batch.latents).toEqual(plain.batch.latents)
    expect(one.calls).toEqual(plain.calls)
  })

  it.each([
    ['nothing is conditioned', { conditioning: {}, empty: {} }, 'conditioned on nothing'],
    [
      'nothing stands for nothing',
      { conditioning: { label: int64([batchSize], labels), text: int64([batchSize], labels) } },
      'a row of text that stands for "nothing"',
    ],
  ])('is refused where %s, step by step and in a graph', async (_, change, message) => {
    const started = pipe(dataset(source(change)), noised(path))
    const error = { _tag: 'DataError', message: expect.stringContaining(message) as string }
    await expect(run(pipe(started, rollout(euler(), { ...options, guidance: 2 })))).rejects.toMatchObject(
      error,
    )
    const compiled = await superstep(openEngine())({
      model: mlp({ parameterisation: 'flow_matching', sample: [2], width: 4, depth: 1, classes: 9, seed: 1 }),
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-3 }),
      batchSize,
      steps: 1,
      rollout: { path, solver: euler(), plan: { ...options, guidance: 2 } },
    })()
    if (E.isLeft(compiled)) throw new Error(compiled.left.message)
    const together = pipe(started, supersteps(compiled.right), training(compiled.right, { steps: 1, seed }))
    await expect(lastValueFrom(together)).rejects.toMatchObject(error)
    expect(guidanceOf(1, { conditioning: {} })).toEqual(E.right({ scale: 1, empty: {} }))
  })

  it('does not go with gradients through its last steps', () => {
    // @ts-expect-error the steps that gradients flow through are made without guidance
    backpropagated('flow_matching', path, euler(), { ...options, guidance: 2, backprop: 1 })
  })
})
