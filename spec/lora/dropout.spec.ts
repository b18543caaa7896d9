import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fitted, loadCheckpoint, saveCheckpoint } from 'deriva/checkpoint'
import { openSession } from 'deriva/engine'
import { type Adapted, dropped, lora, toPeft, withoutAdapters, withTensors } from 'deriva/lora'
import { mse } from 'deriva/loss'
import { dit, inPrecision, mlp, type Model, unet } from 'deriva/model'
import { encode, input, leaves, matMul, parameter } from 'deriva/onnx'
import { adamw, type Lesson, type State, trainer, type TrainerOptions } from 'deriva/train'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { lessonOf } from '../train/lessons.js'
import { stirred } from './kit.js'
import { right } from '../either.js'

const common = { parameterisation: 'flow_matching', seed: 3 } as const
const small = stirred(mlp({ ...common, sample: [3], classes: 2, width: 8, depth: 1 }))

/** Zeros and ones: which elements of a tensor of ones are kept, at some steps. */
const masks = async (
  dims: ReadonlyArray<number>,
  options: { readonly probability: number; readonly seed: number; readonly site: number },
  steps: ReadonlyArray<number>,
): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const y = dropped(input('x', 'float32', ['batch', ...dims.slice(1)]), options)
  const session = right(await openSession(encode({ outputs: { y }, parameters: 'inputs' }), { threads: 1 })())
  const x = float32(dims, new Float32Array(dims.reduce((n, d) => n * d, 1)).fill(1))
  const results: number[][] = []
  for (const step of steps) {
    const outputs = right(await session.run({ x, 'dropout/step': float32([], [step]) })())
    results.push(Array.from(outputs.y.data, Number))
  }
  await session.release()
  return results
}

const mean = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length

/** The correlation of two lists of zeros and ones with the same expected share of ones, in units of its deviation by chance. */
const correlation = (a: ReadonlyArray<number>, b: ReadonlyArray<number>, share: number): number =>
  (mean(a.map((x, i) => (x - share) * (b[i] - share))) / (share * (1 - share))) * Math.sqrt(a.length)

const adaptedOf = (model: Model<'flow_matching'>, dropout: number): Adapted<'flow_matching'> =>
  right(lora({ rank: 2, alpha: 4, targets: ['*'], dropout, seed: 1 })(model))

const descended = async (
  options: Partial<TrainerOptions<'flow_matching'>>,
  lesson: Lesson,
  steps: number,
  from?: State,
): Promise<{
  readonly states: ReadonlyArray<State>
  readonly losses: ReadonlyArray<number>
  readonly initial: State
}> => {
  const compiled = right(
    await trainer({
      model: adaptedOf(small, 0.5),
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-2 }),
      batchSize: 12,
      threads: 1,
      ...options,
    })(),
  )
  const states: State[] = []
  const losses: number[] = []
  let state = from ?? compiled.initial
  for (let i = 0; i < steps; i++) {
    const descent = right(await compiled.descend(state, lesson)())
    state = descent.state
    states.push(state)
    losses.push(descent.loss)
  }
  return { states, losses, initial: compiled.initial }
}

describe('dropped', () => {
  const dims = [16, 32, 64]
  const key = { probability: 0.3, seed: 5, site: 2 }

  it('zeroes its share, and nothing like the elements, rows, steps and places beside', async () => {
    const [first, second, later] = await masks(dims, key, [0, 1, 100_000])
    const [[elsewhere], [seeded]] = await Promise.all([
      masks(dims, { ...key, site: 3 }, [0]),
      masks(dims, { ...key, seed: 6 }, [0]),
    ])
    for (const mask of [first, second, later, elsewhere, seeded])
      expect(Math.abs(mean(mask) - 0.7)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / mask.length))
    for (const other of [second, later, elsewhere, seeded])
      expect(Math.abs(correlation(first, other, 0.7))).toBeLessThan(4)
    for (const lag of [1, 2, 63, 64, 65, 128, 2048, 4096])
      expect(Math.abs(correlation(first.slice(lag), first.slice(0, -lag), 0.7)), `lag ${lag}`).toBeLessThan(4)
  })

  it('is the same every time, whatever the batch around it', async () => {
    const [[all], [few]] = await Promise.all([masks(dims, key, [7]), masks([3, 32, 64], key, [7])])
    expect(all.slice(0, few.length)).toEqual(few)
    expect(await masks(dims, key, [7])).toEqual([all])
  })
})

describe('adapters with dropout', () => {
  const lesson = lessonOf(12, 3, 2)

  it('drop in training alone: rollouts and exported models have no part of it', () => {
    const adapted = adaptedOf(small, 0.5)
    const inputsOf = (values: Parameters<typeof leaves>[0]): ReadonlyArray<string> =>
      leaves(values).flatMap(({ node }) => (node.kind === 'input' ? [node.name] : []))
    expect(inputsOf([adapted.prediction])).not.toContain('dropout/step')
    expect(inputsOf([withoutAdapters(adapted).prediction])).not.toContain('dropout/step')
    expect(inputsOf([adapted.training ?? adapted.prediction])).toContain('dropout/step')
    expect(adaptedOf(small, 0).training).toBeUndefined()
    expect(toPeft(adapted).config.lora_dropout).toBe(0.5)
  })

  it('give other predictions at every step, and on average that of no dropout, as in PEFT', async () => {
    const linear: Model<'flow_matching'> = {
      ...small,
      prediction: matMul(
        input('latents', 'float32', ['batch', 3]),
        parameter('w', float32([3, 3], [0.1, 0.2, -0.1, 0, 0.3, 0.1, -0.2, 0.1, 0.2])),
      ),
    }
    const adapted = adaptedOf(linear, 0.5)
    const { prediction, training = prediction } = withTensors(adapted, {
      'w.lora_A.weight': float32([2, 3], [1, -0.5, 0.5, 0.25, 1, -1]),
      'w.lora_B.weight': float32([3, 2], [1, 0.5, -1, 2, 0.5, 0.5]),
    })
    const file = encode({ outputs: { prediction, training }, parameters: 'inputs' })
    const session = right(await openSession(file, { threads: 1 })())
    const latents = float32([2, 3], [1, -2, 0.5, 0.3, 1, 2])
    const weights = Object.fromEntries(
      leaves([prediction]).flatMap(({ node }) =>
        node.kind === 'parameter' ? [[node.name, node.initial]] : [],
      ),
    )
    const sums = new Float64Array(6)
    const seen = new Set<string>()
    const steps = 2000
    let expected: ReadonlyArray<number> = []
    for (let step = 0; step < steps; step++) {
      const outputs = right(await session.run({ ...weights, latents, 'dropout/step': float32([], [step]) })())
      const found = Array.from(outputs.training.data, Number)
      found.forEach((x, i) => (sums[i] += x / steps))
      seen.add(found.join())
      expected = Array.from(outputs.prediction.data, Number)
    }
    await session.release()
    // Three elements a row are kept or not: eight predictions a row.
    expect(seen.size).toBe(64)
    expected.forEach((x, i) => {
      expect(Math.abs(sums[i] - x)).toBeLessThan(0.5)
    })
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(4)
  })

  it('go on from a checkpoint as if they had never stopped', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deriva-'))
    try {
      const { states, initial } = await descended({}, lesson, 4)
      const path = right(await saveCheckpoint(join(folder, 'half'), states[1], { seed: 1, config: {} })())
      const { state: read } = right(await loadCheckpoint(path)())
      const resumed = await descended({}, lesson, 2, right(fitted(path, read, initial, true)))
      expect(resumed.states.at(-1)).toEqual(states.at(-1))
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('have other zeros in every part of a batch', async () => {
    // Twelve samples that are one: without dropout every part would add the same.
    const one = lessonOf(1, 3, 2)
    const repeated = (row: Float32Array): Float32Array =>
      Float32Array.from({ length: 12 * row.length }, (_, i) => row[i % row.length])
    const same: Lesson = {
      ...lesson,
      latents: repeated(one.latents),
      target: repeated(one.target),
      timesteps: repeated(one.timesteps),
    }
    const { states } = await descended({}, lesson, 30)
    const still = { optimizer: adamw({ learningRate: () => 0, weightDecay: 0 }) }
    const whole = await descended({ ...still, batchSize: 12 }, same, 1, states.at(-1))
    const parts = await descended({ ...still, accumulate: 12 }, same, 1, states.at(-1))
    expect(parts.losses[0]).not.toBeCloseTo(whole.losses[0], 6)
    expect(parts.states[0].slots['dropout']['step'].data[0]).toBe(31)
  })

  it.each([
    ['dit', dit({ ...common, sample: [1, 8, 8], width: 16, depth: 2, heads: 2 }), 'float16', true],
    ['unet', unet({ ...common, sample: [1, 8, 8], width: 8 }), 'float32', false],
  ] as const)('train a %s', async (_, model, precision, checkpointing) => {
    const adapted = inPrecision(precision)(adaptedOf(stirred(model), 0.1))
    const { losses } = await descended({ model: adapted, checkpointing }, lessonOf(12, 64, 0), 2)
    expect(losses.every(Number.isFinite)).toBe(true)
  })

  it('are refused where the probability is none', () => {
    for (const dropout of [-0.1, 1, NaN])
      expect(lora({ rank: 2, alpha: 4, targets: ['*'], dropout, seed: 1 })(small)).toMatchObject({
        left: { _tag: 'ConfigError' },
      })
  })
})
