import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  antiDrift,
  besidePoints,
  defar,
  type Loss,
  minSnr,
  mse,
  reflexflow,
  sigmaSquared,
  squaredError,
  sum,
} from 'deriva/loss'
import { mlp, type Model } from 'deriva/model'
import { decode, encode, leaves, topological } from 'deriva/onnx'
import { betaTimesteps, ddpm, flow } from 'deriva/path'
import { type Denoiser, plan as planned, plannedEvaluations } from 'deriva/rollout'
import { euler, rk4, unipc } from 'deriva/solver'
import {
  composed,
  dataset,
  defarMethod,
  descend,
  dream,
  dreamMethod,
  inputPerturbation,
  jumped,
  lossOf,
  mdss,
  mdssThrough,
  type Method,
  methodNames,
  mixFlow,
  type Noised,
  noised,
  perturbed,
  type Pipeline,
  reflexFlow,
  renoisedPoints,
  rollout,
  slowed,
  soar,
  teacherForcing,
  weighting,
  type Whereabouts,
} from 'deriva/stream'
import { objective, type Trainer } from 'deriva/train'
import { int64, type Parameterisation, type Source } from 'deriva/types'
import { firstValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toySource, toyTrainer } from './toy.js'

const batchSize = 6
const source = dataset(toySource(batchSize))
const labelled: Source = (step) =>
  pipe(
    toySource(batchSize)(step),
    TE.map((batch) => ({
      ...batch,
      conditioning: { label: int64([batchSize], new Array<number>(batchSize).fill(1)) },
      empty: { label: int64([1], [2]) },
    })),
  )
const straight = flow()
const variance = ddpm({ betaSchedule: 'linear' })
const plan = { maxStepOffset: 3, stride: 40, probability: () => 0.7 }

/** Predicts a third of its latents, and counts. */
const counting = <P extends Parameterisation>(parameterisation: P) => {
  let samples = 0
  const denoiser: Denoiser<P> = {
    parameterisation,
    predict: (latents, timesteps) => {
      samples += timesteps.length
      return TE.right(latents.map((x) => x / 3))
    },
  }
  return { denoiser, samples: () => samples }
}
const run = async <P extends Parameterisation, G extends string, D extends Whereabouts>(
  pipeline: Pipeline<P, Noised<G, D>>,
  parameterisation: P,
) => {
  const { denoiser, samples } = counting(parameterisation)
  const environment = { state: { ...toyTrainer(parameterisation).initial, step: 7 }, seed: 3, denoiser }
  return { batch: await firstValueFrom(pipeline(environment)), samples: samples() }
}
const same = (a: Noised<never, Whereabouts>, b: Noised<never, Whereabouts>): void => {
  const told = ({ latents, target, timesteps, ideal, given, rollout: { rolled } }: typeof a) => ({
    latents,
    target,
    timesteps,
    ideal,
    given,
    rolled,
  })
  expect(told(a)).toEqual(told(b))
}

/** How often the model is evaluated in the graph of a loss: its first weight is read once each time. */
const evaluationsIn = <P extends Parameterisation>(model: Model<P>, loss: Loss<P, string>): number => {
  const { value, terms } = objective(model, loss, batchSize)
  const decoded = decode(encode({ outputs: { value, ...terms }, parameters: 'inputs' }))
  if (E.isLeft(decoded)) throw new Error(decoded.left.message)
  const outputs = Object.values(decoded.right.outputs)
  const first = leaves(outputs).find(
    ({ node }) => node.kind !== 'constant' && node.kind !== 'operator' && node.name === 'in.weight',
  )
  if (first === undefined) throw new Error('the model has no first weight')
  return topological(outputs).filter(
    (node) => node.kind === 'operator' && node.inputs.some((x) => x?.node === first.node),
  ).length
}
const flowModel = mlp({ parameterisation: 'flow_matching', sample: [2], width: 8, depth: 1, seed: 1 })
const epsilonModel = mlp({ parameterisation: 'epsilon', sample: [2], width: 8, depth: 1, seed: 1 })

const onFlow = pipe(source, noised(straight))
const onVariance = pipe(source, noised(variance))

describe('methods', () => {
  it('are eight by name', () => {
    expect(methodNames).toEqual([
      'teacher_forcing',
      'input_perturbation',
      'dream',
      'mdss',
      'mixflow',
      'reflexflow',
      'defar',
      'soar',
    ])
  })

  it('are what their stages are', async () => {
    const cases = [
      [teacherForcing().transform(onFlow), onFlow],
      [
        inputPerturbation(0.1).transform(pipe(onFlow, perturbed(0))),
        pipe(onFlow, perturbed(0), perturbed(0.1)),
      ],
      [mdss(unipc({ order: 2 }), plan).transform(onFlow), pipe(onFlow, rollout(unipc({ order: 2 }), plan))],
      [mixFlow(0.8).transform(onFlow), pipe(onFlow, slowed(0.8))],
      [reflexFlow(euler(), plan).transform(onFlow), pipe(onFlow, rollout(euler(), plan))],
      [defarMethod().transform(onFlow), pipe(onFlow, jumped())],
      [
        soar(euler(), { ...plan, points: 2 }).transform(onFlow),
        pipe(onFlow, rollout(euler(), plan), renoisedPoints({ points: 2 }).renoised),
      ],
    ] as const
    for (const [one, other] of cases)
      same((await run(one, 'flow_matching')).batch, (await run(other, 'flow_matching')).batch)
    same(
      (await run(dreamMethod().transform(onVariance), 'epsilon')).batch,
      (await run(pipe(onVariance, dream()), 'epsilon')).batch,
    )
  })

  it('minimise what their losses are', () => {
    const graph = <P extends Parameterisation>(model: Model<P>, loss: Loss<P, string>): Uint8Array => {
      const { value, terms } = objective(model, loss, batchSize)
      return encode({ outputs: { value, ...terms }, parameters: 'inputs' })
    }
    expect(graph(flowModel, lossOf(teacherForcing()))).toEqual(graph(flowModel, mse))
    expect(graph(flowModel, lossOf(soar(euler(), { ...plan, points: 2, weight: 3 })))).toEqual(
      graph(flowModel, besidePoints({ points: 2, weight: 3 })(mse)),
    )
    // In their own files the two graphs come out alike, node for node, at weights that need no factor.
    expect(graph(flowModel, lossOf(reflexFlow(euler(), plan)))).toEqual(graph(flowModel, reflexflow()))
    expect(graph(flowModel, lossOf(defarMethod()))).toEqual(graph(flowModel, defar()))
  })

  it('form a category: teacher forcing is neutral, composition associative', async () => {
    const [a, b, c] = [mdss(euler(), plan), inputPerturbation(0.1), weighting(sigmaSquared)] as const
    const left = composed(composed(a, b), weighting<Parameterisation, never, true>(sigmaSquared))
    const right = composed(a, composed(b, weighting<Parameterisation, never, true>(sigmaSquared)))
    const { batch } = await run(left.transform(onFlow), 'flow_matching')
    same(batch, (await run(right.transform(onFlow), 'flow_matching')).batch)
    same(batch, (await run(pipe(onFlow, rollout(euler(), plan), perturbed(0.1)), 'flow_matching')).batch)
    expect(left.cost).toEqual(right.cost)
    const bytes = <B extends Whereabouts, A extends Whereabouts>(
      m: Method<Parameterisation, never, A, B>,
    ): Uint8Array =>
      encode({ outputs: { value: objective(flowModel, lossOf(m), batchSize).value }, parameters: 'inputs' })
    expect(bytes(left)).toEqual(bytes(right))
    expect(bytes(left)).toEqual(bytes(c))
    for (const neutral of [composed(teacherForcing(), a), composed(a, teacherForcing<true>())]) {
      same(
        (await run(neutral.transform(onFlow), 'flow_matching')).batch,
        (await run(a.transform(onFlow), 'flow_matching')).batch,
      )
      expect(bytes(neutral)).toEqual(bytes(a))
      expect(neutral.cost).toEqual(a.cost)
    }
  })

  it('cost what they declare, in rollouts and stages', async () => {
    const { batch } = await run(onFlow, 'flow_matching')
    const spans = planned(plan, { seed: 3, step: 7 }, batch.ids, batch.timesteps, straight)
    const rolled = plannedEvaluations(rk4(), straight, 'flow_matching', spans)
    expect(rolled).toBeGreaterThan(0)
    expect((await run(mdss(rk4(), plan).transform(onFlow), 'flow_matching')).samples).toBe(rolled)
    expect((await run(soar(rk4(), plan).transform(onFlow), 'flow_matching')).samples).toBe(rolled)
    const twice = soar(rk4(), { ...plan, guidance: 4.5 }).transform(pipe(dataset(labelled), noised(straight)))
    expect((await run(twice, 'flow_matching')).samples).toBe(2 * rolled)
    expect(
      (await run(inputPerturbation(0.1).transform(pipe(onFlow, perturbed(0))), 'flow_matching')).samples,
    ).toBe(0)
    expect((await run(mixFlow(0.8).transform(onFlow), 'flow_matching')).samples).toBe(0)
    expect((await run(defarMethod().transform(onFlow), 'flow_matching')).samples).toBe(0)
    const dreamt = dreamMethod()
    expect((await run(dreamt.transform(onVariance), 'epsilon')).samples).toBe(dreamt.cost.forward * batchSize)
  })

  it('evaluate the model in the training graph as often as they declare, and never twice at one place', () => {
    expect(evaluationsIn(flowModel, lossOf(teacherForcing()))).toBe(1)
    // ReflexFlow's drifted prediction is the training pass's own; the clean one comes with the batch.
    expect(evaluationsIn(flowModel, lossOf(reflexFlow(euler(), plan)))).toBe(1)
    for (const options of [
      {},
      { alpha: 0 },
      { beta1: 0 },
      { alpha: 0, beta1: 0 },
      { jump: 'stopped' },
    ] as const) {
      const one = defarMethod(options)
      expect(evaluationsIn(flowModel, lossOf(one))).toBe(1 + one.cost.forward + one.cost.trained)
    }
    for (const points of [1, 3]) {
      const one = soar(euler(), { ...plan, points })
      // Two terms look at the same points.
      const loss = sum<'flow_matching'>(mse, antiDrift())
      expect(evaluationsIn(flowModel, one.gradient(loss))).toBe(1 + one.cost.trained)
      // What compares with the ideal latents is evaluated there, too.
      expect(evaluationsIn(flowModel, one.gradient(reflexflow()))).toBe(1 + 2 * one.cost.trained)
    }
    expect(soar(euler(), plan).cost.trained).toBe(6)
    for (const backprop of [1, 2]) {
      const one = mdssThrough('epsilon', variance, rk4(), { ...plan, backprop })
      expect(one.cost.trained).toBe(4 * backprop)
      // Two terms look at where rollouts arrive.
      expect(
        evaluationsIn(
          epsilonModel,
          lossOf(composed(one, weighting<'epsilon', never, 'underway'>(minSnr(5)))),
        ),
      ).toBe(1 + one.cost.trained)
    }
  })

  it('compose where it makes sense, and do not compile where it does not', () => {
    const epsilonLoss = (loss: Loss<'epsilon'>): unknown => loss
    const flowLoss = (loss: Loss<'flow_matching'>): unknown => loss
    const misuse = (epsilon: Trainer<'epsilon'>, flows: Trainer<'flow_matching'>): unknown => [
      // @ts-expect-error: the second rollout would start from data again
      composed(mdss(euler(), plan), mdss(euler(), plan)),
      // @ts-expect-error: MixFlow would undo the rollout
      composed(mdss(euler(), plan), mixFlow(0.8)),
      // @ts-expect-error: a perturbation of latents that are still underway
      composed(mdssThrough('epsilon', variance, euler(), { ...plan, backprop: 1 }), inputPerturbation(0.1)),
      // @ts-expect-error: a flow loss
      epsilonLoss(lossOf(reflexFlow(euler(), plan))),
      // @ts-expect-error: a weight that flows do not have
      flowLoss(lossOf(weighting(minSnr(5)))),
      // @ts-expect-error: DREAM speaks of epsilon
      pipe(onFlow, dreamMethod().transform, descend(flows)),
      // @ts-expect-error: what the jump brings is not what this trainer's loss was promised by anyone
      pipe(onVariance, defarMethod().transform, descend(epsilon)),
      // Right: a jump from where a rollout arrives, perturbed, weighed.
      composed(composed(reflexFlow(euler(), plan), inputPerturbation(0.1)), defarMethod<true>()),
      composed(dreamMethod(), weighting<'epsilon', never, true>(minSnr(5))),
      pipe(
        source,
        noised(straight, betaTimesteps({ alpha: 1, beta: 2 })),
        mixFlow(0.4).transform,
        descend(flows),
      ),
      lossOf(inputPerturbation(0.1), squaredError, 'plain'),
    ]
    expect(misuse).toBeTypeOf('function')
  })
})
