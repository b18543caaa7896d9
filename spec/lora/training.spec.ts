import { type Adapted, adapterTensors, lora, merged, withoutAdapters, withTensors } from 'deriva/lora'
import { mse } from 'deriva/loss'
import { dit, mlp, type Model, unet } from 'deriva/model'
import { normal } from 'deriva/random'
import { adamw, type Lesson, type State, trainedModel, trainer } from 'deriva/train'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { runModel, worstError } from '../onnx/run-model.js'
import { constantsOf, evaluated, parametersOf, random, stirred } from './kit.js'
import { right } from '../either.js'

const batch = 8

const common = { parameterisation: 'flow_matching', seed: 3 } as const

const models: ReadonlyArray<readonly [string, Model<'flow_matching'>]> = [
  ['mlp', stirred(mlp({ ...common, sample: [1, 8, 8], width: 32, depth: 2 }))],
  ['dit', stirred(dit({ ...common, sample: [1, 8, 8], width: 16, depth: 2, heads: 2 }))],
  ['unet', stirred(unet({ ...common, sample: [1, 8, 8], width: 8 }))],
]

/** A batch of its own for every step: the target is a shift that the base does not know. */
const lessonAt = (step: number): Lesson => {
  const key = { seed: 7, purpose: 'noise', step, sample: 0 } as const
  const latents = normal(key, new Float32Array(batch * 64))
  return {
    latents,
    target: latents.map((x) => 0.5 - 0.25 * x),
    x0: new Float32Array(latents.length),
    clean: new Float32Array(latents.length),
    timesteps: Float32Array.from({ length: batch }, (_, i) => (1000 * (i + 0.5)) / batch),
    rolled: new Float32Array(batch),
    conditioning: {},
    given: {},
  }
}

const trained = async (
  model: Adapted<'flow_matching'>,
  steps: number,
): Promise<{ readonly state: State; readonly losses: ReadonlyArray<number> }> => {
  const optimizer = adamw({ learningRate: () => 1e-2, weightDecay: 0 })
  const task = trainer({ model, loss: mse, optimizer, batchSize: batch, emaDecay: 0.9, threads: 1 })
  const { initial, descend } = right(await task())
  expect(initial.parameters).toEqual(adapterTensors(model))
  let state = initial
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    const descent = right(await descend(state, lessonAt(step))())
    losses.push(descent.loss)
    state = descent.state
  }
  return { state, losses }
}

const mean = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0) / numbers.length

describe.each(models)('training the adapters of a %s', (_, model) => {
  it('reduces the loss, leaves every weight of the base as it was, and merges into the same model', async () => {
    const before = parametersOf(model.prediction).map(
      ({ name, initial }) => [name, initial.data.slice()] as const,
    )
    const adapted = right(lora({ rank: 4, alpha: 8, targets: ['*'], seed: 1 })(model))
    const { state, losses } = await trained(adapted, 60)
    expect(mean(losses.slice(-5))).toBeLessThan(0.5 * mean(losses.slice(0, 5)))

    const after = withTensors(adapted, state.parameters)
    const constants = constantsOf(withoutAdapters(after).prediction)
    for (const [name, data] of before) expect(constants.get(name)).toEqual(data)
    for (const [name, { data }] of Object.entries(state.parameters))
      expect(data, name).not.toEqual(adapterTensors(adapted)[name].data)

    const feeds = { latents: random([2, 1, 8, 8], 5), timestep: float32([2], [100, 900]) }
    const { base } = await evaluated({ base: model.prediction }, feeds)
    const { off } = await evaluated({ off: withoutAdapters(after).prediction }, feeds)
    expect(off.data).toEqual(base.data)
    const { plain } = await evaluated({ plain: merged(adapted, state.parameters).prediction }, feeds)
    const file = await runModel(trainedModel(adapted, state.parameters), feeds)
    const prediction = file.get('prediction') ?? base
    expect(worstError(plain, prediction)).toBeLessThan(1e-5)
    expect(worstError(base, prediction)).toBeGreaterThan(1e-2)
  })
})

it('training some slices of a fused weight moves no other', async () => {
  const [, [, model]] = models
  const target = { weights: 'qkv', split: 3, parts: [0, 2] }
  const adapted = right(lora({ rank: 2, alpha: 2, targets: [target], variant: 'rslora', seed: 1 })(model))
  const { state } = await trained(adapted, 3)
  const plain = new Map(
    parametersOf(merged(adapted, state.parameters).prediction).map((p) => [p.name, p.initial]),
  )
  for (const { name, initial } of parametersOf(model.prediction)) {
    const { data } = plain.get(name) ?? initial
    const columns = initial.dims.at(-1) ?? 1
    initial.data.forEach((value: number | bigint, i: number) => {
      const slice = Math.floor((i % columns) / (columns / 3))
      const still = !name.endsWith('qkv.weight') || slice === 1
      if (still) expect(data[i]).toBe(value)
      else expect(data[i]).not.toBe(value)
    })
  }
})
