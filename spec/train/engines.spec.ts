import { type Engine, openEngine } from 'deriva/engine'
import { antiDrift, type Loss, mse, scaled, sum } from 'deriva/loss'
import { mlp } from 'deriva/model'
import { flow } from 'deriva/path'
import { rk4 } from 'deriva/solver'
import { dataset, descend, noised, observe, rollout, training } from 'deriva/stream'
import {
  adamw,
  type Descent,
  sgd,
  type Standing,
  type Trainer,
  trainer,
  type TrainerOptions,
  trainerOn,
} from 'deriva/train'
import type { Source } from 'deriva/types'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import { afterAll, describe, expect, it } from 'vitest'
import { lessonOf } from './lessons.js'
import { right } from '../either.js'

const model = mlp({ parameterisation: 'flow_matching', sample: [3], classes: 2, seed: 5, width: 8, depth: 1 })
const loss: Loss<'flow_matching'> = sum<'flow_matching'>(mse, scaled(0.5)(antiDrift()))
const options: TrainerOptions<'flow_matching'> = {
  model,
  loss,
  optimizer: adamw({ learningRate: () => 1e-2 }),
  batchSize: 12,
  threads: 1,
  emaDecay: 0.9,
  maxGradientNorm: 0.5,
}
const lesson = lessonOf(12, 3, 2)

const trained = async (
  compiled: Trainer<'flow_matching', never, Standing>,
  steps: number,
  from: Standing = compiled.initial,
): Promise<Descent<Standing>> => {
  const descent = right(await compiled.descend(from, lesson)())
  return steps === 1 ? descent : trained(compiled, steps - 1, descent.state)
}
const on = async (
  engine: Engine,
  more: Partial<TrainerOptions<'flow_matching'>> = {},
): Promise<Trainer<'flow_matching', never, Standing>> =>
  right(await trainerOn(engine)({ ...options, ...more })())

/** Its batches are of three numbers, learnt by heart. */
const source: Source = (step) =>
  TE.right({
    ids: Uint32Array.from({ length: 12 }, (_, i) => 12 * step + i),
    x0: Float32Array.from({ length: 36 }, (_, i) => Math.sin(step + i)),
    shape: [3],
    conditioning: lesson.conditioning,
  })
const pipelineOf = (compiled: Trainer<'flow_matching', never, Standing>) =>
  pipe(
    dataset(source),
    noised(flow()),
    rollout(rk4(), { maxStepOffset: 3, probability: () => 0.5 }),
    descend(compiled),
  )

describe('a trainer on a worker', () => {
  const engine = openEngine({ worker: true })
  afterAll(() => engine.close())

  it.each([1, 3])(
    'gives the states of one in this thread, bit for bit, over %i parts',
    async (accumulate) => {
      const [here, there] = [
        right(await trainer({ ...options, accumulate })()),
        await on(engine, { accumulate }),
      ]
      const [expected, descent] = [await trained(here, 3), await trained(there, 3)]
      expect(Object.values(descent.state.parameters).map(({ type }) => type)).not.toContain('float32')
      expect(right(await there.read(descent.state)())).toEqual(expected.state)
      expect({ ...descent, state: undefined }).toEqual({ ...expected, state: undefined })
      // A state that somebody holds can be gone on from more than once, and from what was read back.
      const onward = await trained(there, 1, descent.state)
      const again = await trained(there, 1, right(await there.read(descent.state)()))
      expect(await there.read(onward.state)()).toEqual(await there.read(again.state)())
      const { latents, timesteps, conditioning } = lesson
      expect(await there.denoiser(descent.state.ema).predict(latents, timesteps, conditioning)()).toEqual(
        await here.denoiser(expected.state.ema).predict(latents, timesteps, conditioning)(),
      )
    },
  )

  it('leaves the state good where the loss is not finite', async () => {
    const compiled = await on(engine)
    const { state } = await trained(compiled, 2)
    const before = right(await compiled.read(state)())
    const spoilt = { ...lesson, target: lesson.target.map(() => NaN) }
    expect(await compiled.descend(state, spoilt)()).toMatchObject({
      left: { _tag: 'TrainingError', step: 2 },
    })
    expect(right(await compiled.read(state)())).toEqual(before)
    await trained(compiled, 1, state)
  })

  it('streams as one in this thread does; what is passed is released, what is current can be read', async () => {
    const run = async (compiled: Trainer<'flow_matching', never, Standing>) => {
      const kept: unknown[] = []
      const last = await lastValueFrom(
        pipe(
          pipelineOf(compiled),
          observe(({ state }: { readonly state: Standing }) =>
            pipe(
              compiled.read(state),
              TE.map((read) => void kept.push(read)),
            ),
          ),
          training(compiled, { steps: 4, seed: 1 }),
          toArray(),
        ),
      )
      return { kept, states: last.map(({ state }) => state), losses: last.map(({ metrics }) => metrics.loss) }
    }
    const [here, compiled] = [await run(right(await trainer(options)())), await on(engine)]
    const there = await run(compiled)
    expect(there.losses).toEqual(here.losses)
    expect(there.kept).toEqual(here.states)
    const readable = await Promise.all(there.states.map((state) => compiled.read(state)()))
    expect(readable.map(({ _tag }) => _tag)).toEqual(['Left', 'Left', 'Left', 'Right'])
    expect(readable[0]).toMatchObject({
      left: { message: expect.stringContaining('has been released') as string },
    })
  })

  it('ends the stream with a tagged error where the worker ends', async () => {
    const brief = openEngine({ worker: true })
    const compiled = await on(brief)
    const steps = pipe(pipelineOf(compiled), training(compiled, { steps: 1_000_000, seed: 1 }))
    const outcome = lastValueFrom(steps).catch((cause: unknown) => cause)
    await firstValueFrom(steps)
    right(await brief.close())
    expect(await outcome).toMatchObject({ _tag: 'EngineError' })
  })

  it('holds its memory over 150 steps', async () => {
    // 0.5 million weights: states that were not freed would come to 500 MB.
    const large = mlp({
      parameterisation: 'flow_matching',
      sample: [3],
      classes: 2,
      seed: 5,
      width: 256,
      depth: 2,
    })
    const compiled = await on(engine, {
      model: large,
      optimizer: sgd({ learningRate: () => 1e-3, momentum: 0.9 }),
    })
    const resident: number[] = []
    await lastValueFrom(
      pipe(
        dataset(source),
        noised(flow()),
        descend(compiled),
        observe(({ metrics }: { readonly metrics: { readonly step: number } }) =>
          TE.fromIO(() => {
            if (metrics.step % 50 === 0) resident.push(process.memoryUsage().rss / 2 ** 20)
          }),
        ),
        training(compiled, { steps: 150, seed: 1 }),
      ),
    )
    expect(resident).toHaveLength(3)
    expect(resident[2] - resident[0]).toBeLessThan(150)
  })
})
