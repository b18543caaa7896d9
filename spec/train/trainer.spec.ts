import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fitted, loadCheckpoint, saveCheckpoint } from 'deriva/checkpoint'
import { antiDrift, type Loss, masked, mean, mse, scaled, squaredError, sum } from 'deriva/loss'
import { mlp, type Model } from 'deriva/model'
import { add, decode, input, leaves, matMul, mul, parameter, reduceMean, sqrt } from 'deriva/onnx'
import {
  type Descent,
  type Lesson,
  type Optimizer,
  type OptimizerName,
  optimizers,
  perParameter,
  schedules,
  sgd,
  type State,
  trainedModel,
  type Trainer,
  trainer,
  type TrainerOptions,
  type Update,
  type UpdateRule,
} from 'deriva/train'
import { float32 } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runModel } from '../onnx/run-model.js'
import { distance } from './distance.js'
import { lessonOf } from './lessons.js'
import { right } from '../either.js'

const optimizerNames = Object.keys(optimizers) as ReadonlyArray<OptimizerName>

const small = mlp({ parameterisation: 'flow_matching', sample: [3], classes: 2, seed: 5, width: 8, depth: 1 })
const loss: Loss<'flow_matching'> = sum<'flow_matching'>(mse, scaled(0.5)(antiDrift()))

const compiledOf = async (
  options: Partial<TrainerOptions<'flow_matching'>> = {},
): Promise<Trainer<'flow_matching'>> =>
  right(
    await trainer({
      model: small,
      loss,
      optimizer: sgd({ learningRate: () => 0.1, momentum: 0.9 }),
      batchSize: 12,
      threads: 1,
      ...options,
    })(),
  )

/** So many steps on one lesson. */
const trained = async (
  { descend, initial }: Pick<Trainer<'flow_matching'>, 'descend' | 'initial'>,
  lesson: Lesson,
  steps: number,
  from: State = initial,
): Promise<Descent> => {
  const descent = right(await descend(from, lesson)())
  return steps === 1 ? descent : trained({ descend, initial }, lesson, steps - 1, descent.state)
}

describe('every optimizer', () => {
  /** latents · w + b against targets that it can reach: a quadratic in w and b. */
  const linear: Model<'flow_matching'> = {
    parameterisation: 'flow_matching',
    sample: [3],
    prediction: add(
      matMul(
        input('latents', 'float32', ['batch', 3]),
        parameter('w', float32([3, 3], [0.1, 0.2, -0.1, 0, 0.3, 0.1, -0.2, 0.1, 0.2])),
      ),
      parameter('b', float32([3], [0.1, -0.1, 0])),
    ),
  }
  const quadratic: Lesson = (() => {
    const lesson = lessonOf(16, 3, 0)
    const target = lesson.latents.map((x, i) => 0.5 * x - 0.3 + 0.2 * (i % 3))
    return { ...lesson, target }
  })()
  /** Peak learning rates that a person would choose for it. */
  const rates: { readonly [N in OptimizerName]: number } = {
    adamw: 0.05,
    adam: 0.05,
    sgd: 0.5,
    lion: 0.02,
    adafactor: 0.05,
    prodigy: 1,
  }

  it.each(optimizerNames)('%s finds the minimum of a quadratic', async (name) => {
    const steps = 300
    const learningRate = schedules.cosine({ peak: rates[name], steps })
    const compiled = await compiledOf({
      model: linear,
      loss: mse,
      optimizer: optimizers[name].make({ learningRate }),
      batchSize: 16,
    })
    const { loss: first } = await trained(compiled, quadratic, 1)
    const { loss: last } = await trained(compiled, quadratic, steps)
    expect(last / first).toBeLessThan(1e-3)
  })

  describe('goes on from a checkpoint as if it had never stopped', () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'deriva-'))
    })
    afterAll(() => rm(folder, { recursive: true }))

    it.each(optimizerNames)('%s', async (name) => {
      const compiled = await compiledOf({
        optimizer: optimizers[name].make({ learningRate: () => 1e-2 }),
        emaDecay: 0.9,
        trains: (weight) => !weight.startsWith('in.'),
      })
      const lesson = lessonOf(12, 3, 2)
      const { state: uninterrupted } = await trained(compiled, lesson, 4)
      const { state: half } = await trained(compiled, lesson, 2)
      const path = right(await saveCheckpoint(join(folder, name), half, { seed: 1, config: {} })())
      const { state: read } = right(await loadCheckpoint(path)())
      const state = right(fitted(path, read, compiled.initial, true))
      expect((await trained(compiled, lesson, 2, state)).state).toEqual(uninterrupted)
    })
  })
})

describe('accumulation', () => {
  it.each([2, 3, 4, 12])('over %i parts of the batch gives the step of the whole', async (accumulate) => {
    const options = { maxGradientNorm: 0.5, emaDecay: 0.9 }
    const lesson = lessonOf(12, 3, 2)
    const whole = await trained(await compiledOf(options), lesson, 3)
    const parts = await trained(await compiledOf({ ...options, accumulate }), lesson, 3)
    expect(distance(parts.state.parameters, whole.state.parameters)).toBeLessThan(3e-6)
    expect(distance(parts.state.ema, whole.state.ema)).toBeLessThan(3e-6)
    expect(distance(parts.state.slots['velocity'], whole.state.slots['velocity'])).toBeLessThan(2e-5)
    expect(Math.abs(parts.loss / whole.loss - 1)).toBeLessThan(1e-6)
    expect(Math.abs(parts.gradientNorm / whole.gradientNorm - 1)).toBeLessThan(1e-5)
    for (const [name, term] of Object.entries(whole.terms))
      expect(Math.abs(parts.terms[name] - term)).toBeLessThan(1e-6)
  })

  it('wants parts of one size', async () => {
    await expect(compiledOf({ accumulate: 5 })).rejects.toThrow(
      'a batch of 12 does not fall into 5 equal parts',
    )
  })
})

describe('frozen weights', () => {
  const trains = (name: string): boolean => name.startsWith('head.')
  const lesson = lessonOf(12, 3, 2)
  const nameOf = ({ node }: ReturnType<typeof leaves>[number]): ReadonlyArray<string> =>
    node.kind === 'parameter' ? [node.name] : []
  const all = leaves([small.prediction]).flatMap(nameOf)

  it('have no place in the state; the others train as the rule says', async () => {
    const compiled = await compiledOf({ trains, emaDecay: 0.9 })
    const heads = all.filter(trains)
    const { state } = await trained(compiled, lesson, 1)
    for (const tensors of [state.parameters, state.ema, ...Object.values(state.slots)])
      expect(Object.keys(tensors)).toEqual(heads)
    // Without clipping a step of one weight does not depend on which others train.
    const free = await trained(await compiledOf({ emaDecay: 0.9 }), lesson, 1)
    expect(Object.keys(free.state.parameters)).toEqual(all)
    const expected = Object.fromEntries(heads.map((name) => [name, free.state.parameters[name]]))
    expect(distance(state.parameters, expected)).toBeLessThan(1e-6)
  })

  it('are in the exported file, which predicts what rollouts do', async () => {
    const compiled = await compiledOf({ trains, emaDecay: 0.9 })
    const { state } = await trained(compiled, lesson, 5)
    const file = trainedModel(compiled.model, state.ema)
    // The graph cannot say what its output means; the file does.
    expect(right(decode(file)).metadata).toEqual({ prediction_type: compiled.model.parameterisation })
    const weights = leaves(Object.values(right(decode(file)).outputs)).flatMap(nameOf)
    expect(weights.filter((name) => all.includes(name))).toEqual(all)
    const found = await runModel(file, {
      latents: float32([12, 3], lesson.latents),
      timestep: float32([12], lesson.timesteps),
      ...lesson.conditioning,
    })
    const predicted = right(
      await compiled.denoiser(state.ema).predict(lesson.latents, lesson.timesteps, lesson.conditioning)(),
    )
    const exported = found.get('prediction')?.data ?? []
    expect(exported).toHaveLength(predicted.length)
    predicted.forEach((x, i) => {
      expect(Math.abs(x - Number(exported[i]))).toBeLessThan(1e-5)
    })
  })

  it('make a checkpoint of another choice unfit', async () => {
    const { initial } = await compiledOf({ trains })
    const { initial: other } = await compiledOf()
    expect(fitted('somewhere', initial, other, false)).toMatchObject({ left: { _tag: 'CheckpointError' } })
  })

  it('cannot be all there are', async () => {
    const refused = await trainer({
      model: small,
      loss,
      optimizer: sgd({ learningRate: () => 0.1 }),
      batchSize: 12,
      trains: () => false,
    })()
    expect(E.isLeft(refused) && refused.left.message).toContain('nothing trains')
  })
})

describe('a lesson', () => {
  it('brings what its loss reads by name, or does not compile', async () => {
    const withMask = right(
      await trainer({
        model: small,
        loss: mean('mse', masked('mask')(squaredError)),
        optimizer: sgd({ learningRate: () => 0.1 }),
        batchSize: 12,
        threads: 1,
      })(),
    )
    const lesson = lessonOf(12, 3, 2)
    const { given, ...bare } = lesson
    const mask = float32([12, 3], new Float32Array(36).fill(1))
    const whole = await withMask.descend(withMask.initial, { ...lesson, given: { ...given, mask } })()
    expect(right(whole).terms.mse).toBeGreaterThan(0)
    // @ts-expect-error: the mask is not among what is given
    const without = await withMask.descend(withMask.initial, lesson)()
    expect(E.isLeft(without) && without.left.message).toContain('mask')
    // @ts-expect-error: nothing is given
    const nothing = await withMask.descend(withMask.initial, bare)()
    expect(E.isLeft(nothing) && nothing.left.message).toContain('mask')
    // What reads nothing by name takes what brings more.
    const { descend, initial } = await compiledOf()
    right(await descend(initial, { ...lesson, given: { ...given, mask } })())
    right(await descend(initial, { ...lesson, given: {} })())
  })
})

describe('a gradient that is not finite', () => {
  it('ends training before any weight is lost to it, though the loss is finite', async () => {
    // |w| as √w², whose gradient at 0 is 0/0.
    const weight = parameter('w', float32([3], [0, 0, 0]))
    const model: Model<'flow_matching'> = {
      ...small,
      prediction: add(input('latents', 'float32', ['batch', 3]), sqrt(mul(weight, weight))),
    }
    const { descend, initial } = await compiledOf({ model, loss: mse, maxGradientNorm: 1 })
    expect(await descend(initial, lessonOf(12, 3, 2))()).toMatchObject({
      left: { _tag: 'TrainingError', step: 0 },
    })
  })
})

describe('an optimizer of one’s own', () => {
  const forgetful = (update: (step: Update) => ReturnType<UpdateRule['update']>): Optimizer =>
    perParameter({ slots: (dims) => ({ sum: dims }), scalars: () => ({ learning_rate: 0.1 }), update })

  it('that does not give back what it remembers is told of what', async () => {
    const nothing = forgetful(({ parameter }) => ({ parameter, slots: {} }))
    await expect(compiledOf({ optimizer: nothing })).rejects.toThrow(/gives back no sum of /)
    const smaller = forgetful(({ parameter, slot }) => ({
      parameter,
      slots: { sum: reduceMean(slot('sum'), [0], true) },
    }))
    await expect(compiledOf({ optimizer: smaller })).rejects.toThrow(/a sum of .* of shape .*; it was given /)
  })
})
