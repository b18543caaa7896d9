import { pipe } from 'fp-ts/lib/function.js'
import { mse, reflexflow, type TailInput } from 'deriva/loss'
import { relativeDrift } from 'deriva/measure'
import { mlp } from 'deriva/model'
import { ddpm, flow, type PathFor } from 'deriva/path'
import { normal } from 'deriva/random'
import { dpm, euler, rk4, type Solver, trailing, unipc } from 'deriva/solver'
import {
  backpropagated,
  dataset,
  descend,
  type Noised,
  noised,
  perturbed,
  type Pipeline,
  rollout,
  training,
  type UnguidedOptions,
} from 'deriva/stream'
import { adamw, type Lesson, type Parameters, sgd, trainer, type Trainer } from 'deriva/train'
import { float32, type Parameterisation } from 'deriva/types'
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toySource } from './toy.js'
import { right } from '../either.js'

const batchSize = 6
const source = dataset(toySource(batchSize))
const model = <P extends Parameterisation>(parameterisation: P) =>
  mlp({ parameterisation, sample: [2], width: 8, depth: 1, seed: 1 })
const still = sgd({ learningRate: () => 1 })

/** Weights of some size everywhere: the last layer of a fresh model is zero. */
const alive = (parameters: Parameters): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, { dims, data }], sample) => [
      name,
      float32(
        dims,
        normal({ seed: 4, purpose: 'data', step: 0, sample }, new Float32Array(data.length)).map(
          (x) => 0.4 * x,
        ),
      ),
    ]),
  )

const lessonOf = <G extends string>(batch: Noised<G, boolean> | Noised<G, 'underway'>): Lesson<G> => ({
  latents: batch.latents,
  target: batch.target,
  x0: batch.x0,
  timesteps: batch.timesteps,
  rolled: batch.rollout.rolled,
  clean: new Float32Array(batch.latents.length),
  conditioning: batch.conditioning,
  given: batch.given,
})

/** A batch rolled out both ways from the same weights, and the trainers that take it. */
const both = async <P extends Parameterisation>(
  parameterisation: P,
  start: Pipeline<P, Noised>,
  path: PathFor<P>,
  solver: Solver,
  options: UnguidedOptions & { readonly backprop: number },
) => {
  const through = backpropagated(parameterisation, path, solver, options)
  const shared = { model: model(parameterisation), optimizer: still, batchSize, threads: 1 }
  const plain: Trainer<P> = right(await trainer({ ...shared, loss: mse })())
  const whole: Trainer<P, TailInput> = right(await trainer({ ...shared, loss: through.loss(mse) })())
  const parameters = alive(plain.initial.parameters)
  const state = { ...plain.initial, parameters, ema: parameters, step: 7 }
  const environment = { state, seed: 3, denoiser: plain.denoiser(parameters) }
  const arrived = await firstValueFrom(pipe(start, rollout(solver, options))(environment))
  const underway = await firstValueFrom(pipe(start, through.rollout)(environment))
  return { through, plain, whole, state, parameters, arrived, underway }
}

const way = { maxStepOffset: 6, stride: 40, probability: () => 1, strategy: 'biased_late' } as const
const straight = flow()
const variance = ddpm({ betaSchedule: 'linear' })

describe('gradient through a rollout', () => {
  const solverCases: ReadonlyArray<readonly [string, Solver]> = [
    ['euler', euler()],
    ['unipc of order 2', unipc({ order: 2 })],
    ['rk4', rk4()],
    ['dpm with noise', dpm({ order: 2, eta: 1 })],
  ]
  it.each(solverCases.flatMap(([name, solver]) => [1, 3].map((n) => [name, n, solver] as const)))(
    'ends with %s where the rollout does, %i steps of it in the graph, at the cost declared',
    async (_, backprop, solver) => {
      for (const target of ['original', 'corrected'] as const) {
        const options = { ...way, target, backprop }
        const { plain, whole, state, arrived, underway, through } = await both(
          'epsilon',
          pipe(source, noised(variance)),
          variance,
          solver,
          options,
        )
        const stepwise = right(await plain.descend(state, lessonOf(arrived))())
        const inGraph = right(await whole.descend(state, lessonOf(underway))())
        expect(inGraph.terms.mse / stepwise.terms.mse).toBeCloseTo(1, 5)
        const drift = relativeDrift(arrived.latents, arrived.ideal, batchSize).reduce((a, b) => a + b, 0)
        expect(inGraph.terms.drift).toBeCloseTo(drift / batchSize, 5)
        expect(drift).toBeGreaterThan(0.01)
        expect(underway.rollout.rolled).toEqual(arrived.rollout.rolled)
        // Nothing is computed twice: what the graph makes, the rollout has left out.
        const inTail = underway.rollout.rolled.reduce((a, b) => a + b, 0)
        expect(arrived.rollout.evaluations - underway.rollout.evaluations).toBeLessThanOrEqual(
          inTail * through.shape.evaluations,
        )
        expect(arrived.rollout.evaluations - underway.rollout.evaluations).toBeGreaterThanOrEqual(inTail)
      }
    },
  )

  it.each([
    ['euler, one step', euler(), 1],
    ['unipc, two steps', unipc({ order: 2 }), 2],
    ['rk4, more steps than there are', rk4(), 9],
  ] as const)('agrees with central differences: %s', async (_, solver, backprop) => {
    const { whole, plain, state, parameters, arrived, underway } = await both(
      'flow_matching',
      pipe(source, noised(straight)),
      straight,
      solver,
      { ...way, backprop },
    )
    const lesson = lessonOf(underway)
    // A learning rate of 1 without momentum: the gradient is what the step takes off.
    const gradientOf = (next: Parameters, name: string): Float64Array =>
      Float64Array.from(parameters[name].data, (w, e) => w - next[name].data[e])
    const through = right(await whole.descend(state, lesson)()).state.parameters
    const stopped = right(await plain.descend(state, lessonOf(arrived))()).state.parameters
    let apart = 0
    for (const [i, name] of Object.keys(parameters).entries()) {
      const { dims, data } = parameters[name]
      const direction = normal(
        { seed: 9, purpose: 'data', step: 0, sample: i },
        new Float32Array(data.length),
      )
      const lossAt = async (h: number): Promise<number> => {
        const moved = float32(
          dims,
          data.map((w, e) => w + h * direction[e]),
        )
        const there = { ...state, parameters: { ...parameters, [name]: moved } }
        return right(await whole.descend(there, lesson)()).loss
      }
      const h = 5e-3
      const difference = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h)
      const gradient = gradientOf(through, name)
      const slope = gradient.reduce((sum, g, e) => sum + g * direction[e], 0)
      expect(Math.abs(slope - difference)).toBeLessThan(1e-2 * Math.max(0.1, Math.abs(difference)))
      const without = gradientOf(stopped, name)
      apart = Math.max(apart, ...gradient.map((g, e) => Math.abs(g - without[e])))
    }
    // It is another gradient than that of the latents as given.
    expect(apart).toBeGreaterThan(1e-3)
  })

  it('is none where nothing is rolled out: teacher forcing, sample by sample', async () => {
    const { whole, plain, state, arrived, underway } = await both(
      'flow_matching',
      pipe(source, noised(straight)),
      straight,
      unipc({ order: 2 }),
      { ...way, probability: () => 0, backprop: 2 },
    )
    expect(underway.rollout.evaluations).toBe(0)
    const through = right(await whole.descend(state, lessonOf(underway))())
    const forced = right(await plain.descend(state, lessonOf(arrived))())
    expect(through.loss).toBeCloseTo(forced.loss, 6)
    for (const [name, { data }] of Object.entries(forced.state.parameters))
      data.forEach((w, e) => {
        expect(through.state.parameters[name].data[e]).toBeCloseTo(w, 5)
      })
  })

  it('trains in a pipeline, ReflexFlow on top, and logs the drift', async () => {
    const plan = { maxStepOffset: 2, grid: trailing(straight, 10), probability: () => 0.7, backprop: 1 }
    const through = backpropagated('flow_matching', straight, euler(), plan)
    const compiled = right(
      await trainer({
        model: model('flow_matching'),
        loss: through.loss(reflexflow({ beta1: 0.1 })),
        optimizer: adamw({ learningRate: () => 1e-2 }),
        batchSize,
        threads: 1,
      })(),
    )
    const run = pipe(
      source,
      noised(straight),
      through.rollout,
      descend(compiled),
      training(compiled, { steps: 60, seed: 1 }),
    )
    const metrics = (await lastValueFrom(run.pipe(toArray()))).map((step) => step.metrics)
    const meanOf = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length
    const losses = metrics.map(({ terms }) => terms.mse)
    expect(meanOf(losses.slice(-15))).toBeLessThan(meanOf(losses.slice(0, 15)))
    expect(metrics.some(({ rolledOut }) => rolledOut > 0)).toBe(true)
    for (const { drift, rolledOut } of metrics) expect(drift > 0).toBe(rolledOut > 0)
  })

  it('rolls out along the path of the batch', async () => {
    const start = pipe(source, noised(variance))
    const [one, other] = await Promise.all(
      [variance, ddpm({ betaSchedule: 'squaredcos_cap_v2' })].map((path) =>
        both('epsilon', start, path, euler(), { ...way, backprop: 1 }),
      ),
    )
    expect(other.underway.given).toEqual(one.underway.given)
  })

  it('is asked for on both sides, or does not compile', () => {
    const through = backpropagated('flow_matching', straight, euler(), { ...way, backprop: 1 })
    // @ts-expect-error: a flow-matching model on a path that is not straight
    const bent = () => backpropagated('flow_matching', variance, euler(), { ...way, backprop: 1 })
    expect(bent).toBeTypeOf('function')
    const misuse = (plain: Trainer<'flow_matching'>, whole: Trainer<'flow_matching', TailInput>): unknown => [
      // @ts-expect-error: the latents are not there yet
      pipe(source, noised(straight), through.rollout, descend(plain)),
      // @ts-expect-error: nothing is left to do
      pipe(source, noised(straight), rollout(euler(), way), descend(whole)),
      // @ts-expect-error: a perturbation would be of latents that are not there yet
      pipe(source, noised(straight), through.rollout, perturbed(0.1)),
      pipe(source, noised(straight), through.rollout, descend(whole)),
    ]
    expect(misuse).toBeTypeOf('function')
  })
})
