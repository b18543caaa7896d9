import { pipe } from 'fp-ts/lib/function.js'
import { batches, mixture } from 'deriva/data'
import { openSession } from 'deriva/engine'
import { type Loss, mse, reflexflow } from 'deriva/loss'
import { mlp } from 'deriva/model'
import { ddpm, flow, type Path, type PathFamily } from 'deriva/path'
import { type PlanOptions, ramp } from 'deriva/rollout'
import { dpm, euler, rk4, type Solver, unipc } from 'deriva/solver'
import { dataset, type Descended, descend, noised, rollout, training, type TrainableOn } from 'deriva/stream'
import {
  adamw,
  schedules,
  sessionDenoiser,
  type State,
  trainedModel,
  type Trainer,
  trainer,
  warmedUp,
} from 'deriva/train'
import { int64, type Parameterisation } from 'deriva/types'
import { lastValueFrom, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { right } from '../either.js'

/** A real model, a real runtime, and a toy distribution: everything the demo does, in a second. */

const batchSize = 32
const source = batches(mixture(), { batchSize, seed: 1, dropout: 0.1 })

const modelOf = <P extends Parameterisation>(parameterisation: P) =>
  mlp({ parameterisation, sample: [2], classes: 5, width: 32, depth: 2, seed: 1 })

const compile = async <P extends Parameterisation>(parameterisation: P, loss: Loss<P>) =>
  right(
    await trainer({
      model: modelOf(parameterisation),
      loss,
      optimizer: adamw({ learningRate: warmedUp(10, 3e-3, schedules.cosine({ peak: 3e-3, steps: 300 })) }),
      batchSize,
      maxGradientNorm: 1,
      emaDecay: 0.99,
      threads: 1,
    })(),
  )

const always: PlanOptions = { maxStepOffset: 10, probability: () => 1 }

const run = <F extends PathFamily, P extends TrainableOn<F>>(
  path: Path<F>,
  compiled: Trainer<P>,
  {
    solver = euler(),
    plan = always,
    steps,
    from,
  }: { readonly solver?: Solver; readonly plan?: PlanOptions; readonly steps: number; readonly from?: State },
): Promise<ReadonlyArray<Descended>> =>
  lastValueFrom(
    pipe(
      dataset(source),
      noised(path),
      rollout(solver, plan),
      descend(compiled),
      training(compiled, { steps, seed: 1, ...(from && { from }) }),
      toArray(),
    ),
  )

const last = <A>(items: ReadonlyArray<A>): A => items[items.length - 1]

describe('a pipeline', () => {
  it('learns', async () => {
    const plan = { maxStepOffset: 10, probability: ramp({ to: 0.5, steps: 100 }) }
    const steps = await run(flow(), await compile('flow_matching', reflexflow({ beta1: 1 })), {
      solver: unipc({ order: 2 }),
      plan,
      steps: 300,
    })
    const mean = (part: ReadonlyArray<Descended>): number =>
      part.reduce((sum, { metrics }) => sum + metrics.terms['mse'], 0) / part.length
    expect(mean(steps.slice(0, 2))).toBeGreaterThan(0.9)
    expect(mean(steps.slice(-50))).toBeLessThan(0.65)
  })

  it('counts what it did: samples that moved, evaluations on the way, clean predictions for the loss', async () => {
    const compiled = await compile('flow_matching', reflexflow())
    const [{ metrics, rollout: rolled, latents, ideal }] = await run(flow(), compiled, { steps: 1 })
    expect(metrics.step).toBe(1)
    expect(metrics.rolledOut).toBe(rolled.rolled.reduce((a, b) => a + b, 0))
    expect(metrics.rolledOut).toBeGreaterThan(batchSize / 2)
    expect(metrics.cleanEvaluations).toBe(metrics.rolledOut)
    expect(metrics.evaluations).toBeGreaterThan(metrics.rolledOut)
    expect(metrics.drift).toBeGreaterThan(0)
    rolled.rolled.forEach((moved, i) => {
      const rows = [latents, ideal].map((a) => [...a.subarray(2 * i, 2 * i + 2)])
      if (moved === 0) expect(rows[0]).toEqual(rows[1])
      else expect(rows[0]).not.toEqual(rows[1])
    })
  })

  it('spends nothing where nothing is rolled out, and no clean predictions where no loss reads them', async () => {
    const still = await run(flow(), await compile('flow_matching', reflexflow()), {
      plan: { ...always, maxStepOffset: 0 },
      steps: 1,
    })
    const plain = await run(flow(), await compile('flow_matching', mse), { steps: 1 })
    expect([still[0].metrics.evaluations, still[0].metrics.cleanEvaluations, still[0].metrics.drift]).toEqual(
      [0, 0, 0],
    )
    expect(plain[0].metrics.cleanEvaluations).toBe(0)
    expect(plain[0].metrics.evaluations).toBeGreaterThan(0)
  })

  it('trains any parameterisation with any solver', async () => {
    const solvers = [euler(), dpm({ order: 2 }), unipc({ order: 3 }), rk4()]
    const moves = async <F extends PathFamily, P extends TrainableOn<F>>(
      path: Path<F>,
      compiled: Trainer<P>,
    ): Promise<void> => {
      for (const solver of solvers) {
        const steps = await run(path, compiled, { solver, steps: 3 })
        expect(steps.every(({ metrics }) => Number.isFinite(metrics.loss) && metrics.evaluations > 0)).toBe(
          true,
        )
        expect(last(steps).state.parameters).not.toEqual(steps[0].state.parameters)
      }
    }
    const path = ddpm({ betaSchedule: 'squaredcos_cap_v2' })
    await moves(path, await compile('epsilon', mse))
    await moves(path, await compile('v_prediction', mse))
    await moves(path, await compile('sample', mse))
    await moves(flow(), await compile('flow_matching', reflexflow()))
  })

  it('goes on from a state bit for bit, rollouts and all', async () => {
    const compiled = await compile('flow_matching', reflexflow())
    const whole = last(await run(flow(), compiled, { steps: 6 }))
    const half = last(await run(flow(), compiled, { steps: 3 }))
    const again = await compile('flow_matching', reflexflow())
    const resumed = last(await run(flow(), again, { steps: 6, from: half.state }))
    expect(resumed.state).toEqual(whole.state)
    expect(resumed.metrics.loss).toBe(whole.metrics.loss)
  })

  it('leaves a model that any runtime can run: the averaged weights, as an ordinary ONNX file', async () => {
    const compiled = await compile('flow_matching', mse)
    const { state } = last(await run(flow(), compiled, { steps: 5 }))
    expect(state.ema).not.toEqual(state.parameters)
    const session = right(await openSession(trainedModel(compiled.model, state.ema))())
    const exported = sessionDenoiser(session, compiled.model, {})
    const given = [
      Float32Array.of(0.1, -0.2, 0.5, 1),
      Float32Array.of(100, 900),
      { label: int64([2], [1, 5]) },
    ] as const
    const expected = right(await compiled.denoiser(state.ema).predict(...given)())
    right(await exported.predict(...given)()).forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i], 5)
    })
  })

  it('ends with a training error where the loss is no number, and keeps the steps before', async () => {
    const loss: Loss<'flow_matching'> = mse
    const compiled = right(
      await trainer({
        model: modelOf('flow_matching'),
        loss,
        optimizer: adamw({ learningRate: () => 1e30 }),
        batchSize,
      })(),
    )
    const seen: number[] = []
    const steps = pipe(
      dataset(source),
      noised(flow()),
      descend(compiled),
      training(compiled, { steps: 50, seed: 1 }),
    )
    const error: unknown = await new Promise((resolve) => {
      steps.subscribe({ next: ({ metrics }) => seen.push(metrics.step), error: resolve })
    })
    expect(error).toMatchObject({ _tag: 'TrainingError', step: seen.length })
    expect(seen.length).toBeGreaterThan(0)
  })
})
