import { openEngine, openSession } from 'deriva/engine'
import { mse } from 'deriva/loss'
import { dit } from 'deriva/model'
import { encode, input, mul } from 'deriva/onnx'
import {
  adamw,
  type Descent,
  inMemory,
  type Standing,
  type State,
  type Trainer,
  trainer,
  type TrainerOptions,
  trainerOn,
} from 'deriva/train'
import { float32, size } from 'deriva/types'
import { afterAll, describe, expect, it } from 'vitest'
import { webgpuThere } from '../engine/swiftshader.js'
import { lessonOf } from './lessons.js'
import { right } from '../either.js'

const there = await webgpuThere()

/** One for all: without a card, translating the kernels of another takes as long again. */
const model = dit({
  parameterisation: 'flow_matching',
  sample: [1, 8, 8],
  classes: 2,
  seed: 5,
  patch: 4,
  width: 16,
  depth: 1,
  heads: 2,
})

const trained = async (
  compiled: Trainer<'flow_matching', never, Standing>,
  steps: number,
  from: Standing = compiled.initial,
): Promise<Descent<Standing>> => {
  const lesson = lessonOf(4, size(compiled.model.sample), 2)
  const descent = right(await compiled.descend(from, lesson)())
  return steps === 1 ? descent : trained(compiled, steps - 1, descent.state)
}

const distance = (a: State['parameters'], b: State['parameters']): number =>
  Math.max(
    ...Object.entries(b).map(([name, { data }]) =>
      Math.max(...data.map((x, i) => Math.abs(x - a[name].data[i]))),
    ),
  )

describe.runIf(there)('WebGPU', () => {
  const here = openEngine({ device: 'webgpu' })
  const inWorker = openEngine({ device: 'webgpu', worker: true })
  afterAll(async () => {
    await here.close()
    await inWorker.close()
  })

  it('trains a small model as the CPU does, with everything resident', async () => {
    const options: TrainerOptions<'flow_matching'> = {
      model,
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-2, epsilon: 1e-4 }),
      batchSize: 4,
      emaDecay: 0.9,
      maxGradientNorm: 0.5,
      threads: 1,
    }
    const [expected, compiled] = [
      await trained(right(await trainer(options)()), 4),
      right(await trainerOn(here)(options)()),
    ]
    const descent = await trained(compiled, 4)
    for (const weights of [
      descent.state.parameters,
      descent.state.ema,
      ...Object.values(descent.state.slots),
    ])
      expect(new Set(Object.values(weights).map(({ type }) => type))).toEqual(new Set(['resident']))
    expect(Math.abs(descent.loss - expected.loss)).toBeLessThan(1e-3)
    const state = right(await compiled.read(descent.state)())
    const wanted = inMemory(expected.state)
    for (const which of ['parameters', 'ema'] as const)
      expect(distance(state[which], wanted[which])).toBeLessThan(1e-3)
    // Across sessions: rollouts are fed the very buffers that the step left behind.
    const { latents, timesteps, conditioning } = lessonOf(4, size(compiled.model.sample), 2)
    const predicted = right(
      await compiled.denoiser(descent.state.parameters).predict(latents, timesteps, conditioning)(),
    )
    expect(predicted.every(Number.isFinite)).toBe(true)
    compiled.release(descent.state)()
    expect(await compiled.read(descent.state)()).toMatchObject({ left: { _tag: 'EngineError' } })
  })

  it('works in a worker too', async () => {
    const options: TrainerOptions<'flow_matching'> = {
      model,
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-2 }),
      batchSize: 4,
    }
    const [one, other] = [
      right(await trainerOn(here)(options)()),
      right(await trainerOn(inWorker)(options)()),
    ]
    const [a, b] = [await trained(one, 3), await trained(other, 3)]
    expect(right(await other.read(b.state)())).toEqual(right(await one.read(a.state)()))
  })

  it('is a device of openSession', async () => {
    const x = input('x', 'float32', ['n'])
    const session = right(
      await openSession(encode({ outputs: { y: mul(x, 2) }, parameters: 'inputs' }), { device: 'webgpu' })(),
    )
    expect(right(await session.run({ x: float32([2], [1, 2]) })())).toEqual({ y: float32([2], [2, 4]) })
  })
})
