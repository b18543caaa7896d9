import { openEngine } from 'deriva/engine'
import { type Loss, mse, reflexflow } from 'deriva/loss'
import { lora } from 'deriva/lora'
import { dit, mlp, type Model } from 'deriva/model'
import { ddpm, flow, type Path } from 'deriva/path'
import { normal } from 'deriva/random'
import { dpm, euler, rk4, type Solver, trailing, unipc } from 'deriva/solver'
import {
  dataset,
  descend,
  type Noised,
  noised,
  observe,
  perturbed,
  type Pipeline,
  rollout,
  type RolloutOptions,
  type Stepped,
  superstepEnd,
  supersteps,
  training,
} from 'deriva/stream'
import {
  adafactor,
  adam,
  adamw,
  inMemory,
  lion,
  type Metrics,
  type Parameters,
  prodigy,
  sgd,
  type Standing,
  type State,
  type Superstep,
  superstep,
  trainer,
  type TrainerOptions,
} from 'deriva/train'
import { float32, int64, type Parameterisation, size, type Source } from 'deriva/types'
import fc from 'fast-check'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import { firstValueFrom, lastValueFrom, takeWhile, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import { distance } from '../train/distance.js'
import { right } from '../either.js'

const batchSize = 6
const seed = 3

const drawn = (sample: number, step: number, length: number): Float32Array =>
  normal({ seed: 4, purpose: 'data', step, sample }, new Float32Array(length))

const sourceOf =
  (sample: ReadonlyArray<number>): Source =>
  (step) =>
    TE.right({
      ids: Uint32Array.from({ length: batchSize }, (_, i) => step * batchSize + i),
      x0: drawn(0, step, batchSize * size(sample)),
      shape: sample,
      conditioning: {
        label: int64(
          [batchSize],
          Array.from({ length: batchSize }, (_, i) => (step + i) % 2),
        ),
      },
      empty: { label: int64([1], [2]) },
    })

/** Weights of some size everywhere: the last layer of a fresh model is zero. */
const alive = (initial: State): State => {
  const parameters: Parameters = Object.fromEntries(
    Object.entries(initial.parameters).map(([name, { dims, data }], sample) => [
      name,
      float32(
        dims,
        drawn(sample, 100, data.length).map((x) => 0.3 * x),
      ),
    ]),
  )
  return { ...initial, parameters, ema: parameters }
}

const plain = (standing: Standing): State => inMemory(standing)

type Case<P extends Parameterisation> = {
  readonly path: Path
  /** Batches on the path. */
  readonly start: Pipeline<P, Noised>
  readonly model: Model<P>
  readonly loss?: Loss<P>
  readonly rollouts?: RolloutOptions & { readonly solver: Solver }
  readonly options?: Partial<TrainerOptions<P>>
  /** Whether weights of one shape are computed with as one. */
  readonly joins?: boolean
}

/** Twice n steps from the same weights, one by one and n at a time. */
const bothWays = async <P extends Parameterisation>(
  { path, start, model, loss = mse, rollouts, options = {}, joins = false }: Case<P>,
  n: number,
): Promise<
  ReadonlyArray<{
    readonly state: State
    readonly metrics: ReadonlyArray<Metrics>
  }>
> => {
  const shared: TrainerOptions<P> = {
    model,
    loss,
    optimizer: adamw({ learningRate: (step) => 1e-2 / (1 + step), epsilon: 1e-4 }),
    batchSize,
    maxGradientNorm: 0.5,
    emaDecay: 0.9,
    threads: 1,
    ...options,
  }
  const steps = 2 * n
  const single = right(await trainer(shared)())
  const from = alive(single.initial)
  const lessons = rollouts === undefined ? start : pipe(start, rollout(rollouts.solver, rollouts))
  const stepwise = await lastValueFrom(
    pipe(lessons, descend(single), training(single, { steps, seed, from })).pipe(toArray()),
  )
  const compiled = right(
    await superstep(openEngine())({
      ...shared,
      steps: n,
      joins,
      ...(rollouts === undefined ? {} : { rollout: { path, solver: rollouts.solver, plan: rollouts } }),
    })(),
  )
  const metrics: Metrics[] = []
  const run = pipe(
    start,
    supersteps(compiled),
    observe((step: Stepped) => TE.fromIO(() => void metrics.push(step.metrics))),
    training(compiled, { steps, seed, from }),
  )
  const inOne = await lastValueFrom(run.pipe(toArray()))
  expect(inOne).toHaveLength(2)
  return [
    { state: stepwise[steps - 1].state, metrics: stepwise.map((step) => step.metrics) },
    { state: plain(inOne[1].state), metrics },
  ]
}

const image = { sample: [1, 8, 8], classes: 2, seed: 5, patch: 4, width: 16, depth: 1, heads: 2 } as const
const small = { sample: [3], classes: 2, seed: 5, width: 8, depth: 1 } as const
const velocity = mlp({ parameterisation: 'flow_matching', ...small })
const noise = mlp({ parameterisation: 'epsilon', ...small })
const transformer = dit({ parameterisation: 'flow_matching', ...image })
const straight = flow()
const variance = ddpm({ betaSchedule: 'linear' })
const flowing = {
  path: straight,
  model: velocity,
  start: pipe(dataset(sourceOf(small.sample)), noised(straight)),
} as const
const diffusing = {
  path: variance,
  model: noise,
  start: pipe(dataset(sourceOf(small.sample)), noised(variance)),
} as const
const picturing = {
  path: straight,
  model: transformer,
  start: pipe(dataset(sourceOf(image.sample)), noised(straight)),
} as const
const way = { maxStepOffset: 3, stride: 60, probability: () => 0.6 } as const

const agree = async <P extends Parameterisation>(
  one: Case<P>,
  n: number,
): Promise<ReadonlyArray<Metrics>> => {
  const [stepwise, inOne] = await bothWays(one, n)
  expect(inOne.state.step).toBe(2 * n)
  expect(distance(inOne.state.parameters, stepwise.state.parameters)).toBeLessThan(1e-4)
  expect(distance(inOne.state.ema, stepwise.state.ema)).toBeLessThan(1e-4)
  expect(Object.keys(inOne.state.slots)).toEqual(Object.keys(stepwise.state.slots))
  for (const [slot, own] of Object.entries(stepwise.state.slots))
    expect(distance(inOne.state.slots[slot], own)).toBeLessThan(1e-3)
  expect(inOne.metrics).toHaveLength(2 * n)
  inOne.metrics.forEach((metrics, i) => {
    const { loss, terms, gradientNorm, drift, rolloutSeconds, trainingSeconds, ...exact } =
      stepwise.metrics[i]
    expect(metrics).toMatchObject(exact)
    expect(Math.abs(metrics.loss / loss - 1)).toBeLessThan(1e-4)
    expect(Math.abs(metrics.gradientNorm / gradientNorm - 1)).toBeLessThan(1e-3)
    expect(Math.abs(metrics.drift - drift)).toBeLessThan(1e-4 * Math.max(1, drift))
    expect(Object.keys(metrics.terms)).toEqual(Object.keys(terms))
    expect(rolloutSeconds).toBeGreaterThanOrEqual(0)
    expect(trainingSeconds).toBeGreaterThan(0)
  })
  return inOne.metrics
}

describe('a superstep gives the weights, the averages, the memory and the metrics of its single steps', () => {
  it.each([1, 3])('%i steps without rollouts', async (n) => {
    await agree(flowing, n)
  })

  it.each([
    ['euler', euler()],
    ['rk4, four evaluations a step', rk4()],
    ['dpm, which mixes in noise', dpm({ order: 2, eta: 1 })],
  ] as const)('with rollouts by %s', async (_, solver) => {
    const metrics = await agree({ ...diffusing, rollouts: { ...way, solver } }, 2)
    expect(metrics.some(({ rolledOut }) => rolledOut > 0)).toBe(true)
    expect(metrics.some(({ drift }) => drift > 0.001)).toBe(true)
  })

  it('with rollouts by unipc of order 2, ReflexFlow on top, three steps at a time', async () => {
    await agree({ ...flowing, rollouts: { ...way, solver: unipc({ order: 2 }) }, loss: reflexflow() }, 3)
  })

  it.each([false, true])('of a transformer, its weights joined: %s', async (joins) => {
    const rollouts = { ...way, maxStepOffset: 2, solver: unipc({ order: 2 }) }
    await agree({ ...picturing, rollouts, loss: reflexflow(), joins }, 2)
  })

  it('with rollouts under guidance, which are counted twice', async () => {
    const rollouts = { ...way, solver: unipc({ order: 2 }) }
    const [plain, twice] = [
      await agree({ ...flowing, rollouts, loss: reflexflow() }, 2),
      await agree({ ...flowing, rollouts: { ...rollouts, guidance: 3 }, loss: reflexflow() }, 2),
    ]
    const counts = (metrics: ReadonlyArray<Metrics>) => metrics.map(({ evaluations }) => evaluations)
    expect(counts(twice)).toEqual(counts(plain).map((n) => 2 * n))
    expect(twice[0].drift).not.toBeCloseTo(plain[0].drift, 4)
  })

  it.each([
    ['adam', adam({ learningRate: () => 1e-2, weightDecay: 0.1, epsilon: 1e-4 })],
    ['sgd with momentum', sgd({ learningRate: () => 1e-2, momentum: 0.9, weightDecay: 0.1 })],
    ['lion', lion({ learningRate: () => 1e-3, weightDecay: 0.1 })],
    ['adafactor, which looks at a weight as a whole', adafactor({ learningRate: () => 1e-2 })],
    ['prodigy, which looks at all of them', prodigy({ learningRate: () => 1 })],
  ] as const)('by %s, where joined weights of one shape decay and others do not', async (_, optimizer) => {
    const decays = (name: string, dims: ReadonlyArray<number>): boolean =>
      name.includes('0') && dims.length > 1
    await agree({ ...picturing, options: { optimizer, decays }, joins: true }, 2)
  })

  it('of adapters with dropout, joined, with rollouts', async () => {
    const adapters = lora({ rank: 2, alpha: 4, targets: ['*'], dropout: 0.3, seed: 1 })
    const rollouts = { ...way, maxStepOffset: 2, solver: euler() }
    const model = right(adapters(transformer))
    await agree({ ...picturing, model, rollouts, loss: reflexflow(), joins: true }, 2)
  })

  it('where activations are computed again, and losses scaled', async () => {
    const options = { checkpointing: true, lossScaling: true } as const
    await agree({ ...picturing, options, joins: true }, 2)
  })

  it('with targets that lead from where the samples are; on the grid of deployment; from pure noise', async () => {
    const grid = trailing(straight, 8)
    const deployed = { maxStepOffset: 4, grid, probability: () => 0.7, solver: euler() } as const
    await agree({ ...flowing, rollouts: { ...deployed, target: 'corrected' } }, 2)
    await agree({ ...flowing, rollouts: { ...deployed, source: 'trajectory' } }, 2)
  })

  it('where nothing rolls out, everything does, or part of the weights is frozen', async () => {
    for (const share of [0, 1]) {
      const rollouts = { ...way, probability: () => share, solver: euler() }
      await agree({ ...flowing, rollouts, loss: reflexflow() }, 2)
    }
    await agree(
      {
        ...flowing,
        rollouts: { ...way, solver: euler() },
        options: { trains: (name) => name.startsWith('head.') },
        joins: true,
      },
      2,
    )
  })
})

describe('supersteps', () => {
  const compiled = async (options: Partial<TrainerOptions<'flow_matching'>> = {}, steps = 2) =>
    right(
      await superstep(openEngine())({
        model: velocity,
        loss: mse,
        optimizer: adamw({ learningRate: () => 1e-2 }),
        batchSize,
        threads: 1,
        steps,
        ...options,
      })(),
    )
  const start = pipe(dataset(sourceOf([3])), noised(straight))

  const taken = (
    two: Superstep<'flow_matching'>,
    lessons: Pipeline<'flow_matching', Noised>,
    steps: number,
  ) => pipe(lessons, supersteps(two), training(two, { steps, seed }))

  it('takes what changes batches, and refuses what asks the model', async () => {
    const two = await compiled()
    const { metrics } = await firstValueFrom(
      pipe(start, perturbed(0.1), supersteps(two), training(two, { steps: 2, seed })),
    )
    expect(metrics.step).toBe(2)
    const rolling = right(
      await superstep(openEngine())({
        model: velocity,
        loss: mse,
        optimizer: adamw({ learningRate: () => 1e-2 }),
        batchSize,
        threads: 1,
        steps: 1,
        rollout: { path: straight, solver: euler(), plan: way },
      })(),
    )
    const moved = pipe(start, perturbed(0.1), supersteps(rolling), training(rolling, { steps: 1, seed }))
    await expect(lastValueFrom(moved)).rejects.toThrow('rollouts start from the schedule')
    const rolled = pipe(
      start,
      rollout(euler(), { ...way, probability: () => 1 }),
      supersteps(two),
      training(two, { steps: 2, seed }),
    )
    await expect(lastValueFrom(rolled)).rejects.toMatchObject({ _tag: 'EngineError' })
  })

  it('says which step went wrong', async () => {
    const huge = await compiled(
      { optimizer: adamw({ learningRate: (step) => (step === 1 ? 1e30 : 1e-3) }) },
      4,
    )
    await expect(lastValueFrom(taken(huge, start, 4))).rejects.toMatchObject({
      _tag: 'TrainingError',
      step: 2,
    })
  })

  it('are shorter before a pause and at the end, and give the same weights, bit for bit', async () => {
    const three = await compiled({}, 3)
    const lengths = (pauses: ReadonlyArray<number>) =>
      lastValueFrom(
        pipe(start, supersteps(three, { pauses }), training(three, { steps: 8, seed })).pipe(toArray()),
      )
    const [whole, cut] = [await lengths([]), await lengths([5])]
    expect(whole.map(({ state }) => state.step)).toEqual([3, 6, 8])
    expect(cut.map(({ state }) => state.step)).toEqual([3, 5, 8])
    const [a, b] = [whole, cut].map((all) => plain(all.at(-1)?.state ?? three.initial).parameters)
    expect(a).toEqual(b)
    expect(() => three.descend(three.initial, [])).toThrow('0 lessons for a superstep of 3 steps')
    await expect(compiled({}, 0)).rejects.toThrow('a superstep of 0 steps')
  })

  it('go on from where they ended as if they had never stopped, bit for bit', async () => {
    const three = await compiled({}, 3)
    const through = (steps: number, from: Standing) =>
      lastValueFrom(
        pipe(start, supersteps(three, { pauses: [4] }), training(three, { steps: 11, seed, from })).pipe(
          takeWhile(({ state }) => state.step < steps, true),
        ),
      )
    const whole = plain((await through(11, three.initial)).state)
    for (const step of [3, 4, 7, 8])
      expect(plain((await through(11, plain((await through(step, three.initial)).state))).state)).toEqual(
        whole,
      )
  })

  it('have their next lessons made while they compute', async () => {
    const two = await compiled()
    const events: string[] = []
    const source: Source = (step) => {
      events.push(`batch ${step}`)
      return sourceOf([3])(step)
    }
    const slow: typeof two = {
      ...two,
      descend: (state, lessons) => async () => {
        await vi.waitUntil(() => events.includes(`batch ${Math.min(state.step + 3, 4)}`), { timeout: 60_000 })
        events.push(`superstep ${state.step}`)
        return two.descend(state, lessons)()
      },
    }
    const run = pipe(dataset(source), noised(straight), supersteps(slow), training(slow, { steps: 5, seed }))
    await lastValueFrom(run)
    expect(events).toEqual([
      ...['batch 0', 'batch 1', 'batch 2', 'batch 3', 'superstep 0'],
      ...['batch 4', 'superstep 2', 'superstep 4'],
    ])
  })
})

describe('the ends of supersteps', () => {
  const every = fc.integer({ min: 1, max: 50 })

  it('are as far apart as may be, at all pauses, and at the last step', () => {
    fc.assert(
      fc.property(
        fc.nat(300),
        every,
        fc.array(every, { maxLength: 3 }),
        every,
        (from, most, pauses, left) => {
          const end = superstepEnd(from, most, { pauses, total: from + left })
          const stops = (step: number): boolean =>
            step === from + most || step === from + left || pauses.some((pause) => step % pause === 0)
          expect(Array.from({ length: end - from }, (_, i) => stops(from + 1 + i)).indexOf(true)).toBe(
            end - from - 1,
          )
        },
      ),
    )
    expect(superstepEnd(240, 32, { pauses: [500, 250] })).toBe(250)
  })
})
