import { pipe } from 'fp-ts/lib/function.js'
import { antiDrift, defar, type Loss, minSnr, mse, reflexflow, scaled, sum, weighted } from 'deriva/loss'
import type { Model } from 'deriva/model'
import { ddpm, flow } from 'deriva/path'
import { ramp } from 'deriva/rollout'
import { euler } from 'deriva/solver'
import { dataset, descend, dream, jumped, noised, rollout, slowed, training } from 'deriva/stream'
import { adamw, type Trainer, trainer } from 'deriva/train'
import type { Source } from 'deriva/types'
import { describe, expect, it } from 'vitest'

/**
 * Pipelines that make no sense do not compile: each `@ts-expect-error` below fails the type check if the line above which it
 * stands becomes legal. Nothing here runs.
 */
export const misuse = (
  source: Source,
  flowModel: Model<'flow_matching'>,
  epsilonModel: Model<'epsilon'>,
  flowTrainer: Trainer<'flow_matching'>,
  epsilonTrainer: Trainer<'epsilon'>,
): ReadonlyArray<unknown> => {
  const optimizer = adamw({ learningRate: () => 1e-3 })
  const plan = { maxStepOffset: 10, probability: ramp({ to: 0.5, steps: 100 }) }

  const path = ddpm({ betaSchedule: 'linear' })
  const loop = { steps: 1, seed: 1 }
  const epsilonPipeline = pipe(dataset(source), noised(path), rollout(euler(), plan), descend(epsilonTrainer))
  const flowPipeline = pipe(dataset(source), noised(flow()), rollout(euler(), plan), descend(flowTrainer))

  // An anti-drift loss speaks of velocities.
  // @ts-expect-error: a loss for flows
  const a: Loss<'epsilon'> = antiDrift()
  // @ts-expect-error: a loss for flows, an epsilon model
  const b = trainer({ model: epsilonModel, loss: reflexflow(), optimizer, batchSize: 1 })
  // @ts-expect-error: one of the summands is for flows
  const c = sum<'v_prediction'>(mse, scaled(10)(antiDrift()))
  // A flow-matching model needs the straight path.
  // @ts-expect-error: a ddpm path under a flow-matching trainer
  const d = pipe(dataset(source), noised(path), descend(flowTrainer))
  // A trainer is not fed raw batches; noise comes before a rollout.
  // @ts-expect-error: no noise yet
  const e = pipe(dataset(source), descend(epsilonTrainer))
  // @ts-expect-error: no noise yet
  const f = pipe(dataset(source), rollout(euler(), plan))
  // A loop closes only over a pipeline that descends, with the trainer's own parameterisation.
  // @ts-expect-error: nothing descends
  const g = pipe(dataset(source), noised(flow()), training(flowTrainer, loop))
  // @ts-expect-error: another parameterisation
  const h = training(flowTrainer, loop)(epsilonPipeline)

  // Signal-to-noise weights have no form for flows, and what weighs an anti-drift loss has to know flows.
  // @ts-expect-error: a weight for the other families
  const i: Loss<'flow_matching'> = weighted(minSnr(5))(mse)
  // @ts-expect-error: a flow loss under a weight for the others
  const j = weighted(minSnr(5))(antiDrift())
  // @ts-expect-error: a loss for flows
  const k: Loss<'epsilon'> = defar()
  // Methods belong to families.
  // @ts-expect-error: slowed interpolation is for flows
  const l = pipe(dataset(source), noised(path), slowed(0.8), descend(epsilonTrainer))
  // @ts-expect-error: DREAM is for epsilon models
  const m = pipe(dataset(source), noised(flow()), dream(), descend(flowTrainer))
  // @ts-expect-error: a jump along the straight path, a ddpm path
  const n = pipe(dataset(source), noised(path), jumped())

  // The same things done right compile.
  const loss: Loss<'flow_matching'> = sum(mse, scaled(10)(antiDrift()))
  const right = [
    trainer({ model: epsilonModel, loss: weighted(minSnr(5))(mse), optimizer, batchSize: 1 }),
    pipe(dataset(source), noised(path), dream(), descend(epsilonTrainer)),
    pipe(dataset(source), noised(flow()), slowed(0.8), jumped(), descend(flowTrainer)),
    trainer({ model: flowModel, loss, optimizer, batchSize: 1 }),
    pipe(epsilonPipeline, training(epsilonTrainer, loop)),
    pipe(flowPipeline, training(flowTrainer, loop)),
  ]
  return [a, b, c, d, e, f, g, h, i, j, k, l, m, n, right]
}

describe('misuse', () => {
  it('is refused by the compiler (checked by the type check of this file)', () => {
    expect(misuse).toBeTypeOf('function')
  })
})
