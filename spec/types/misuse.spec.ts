import { pipe } from 'fp-ts/lib/function.js'
import { concatAll } from 'fp-ts/lib/Monoid.js'
import {
  antiDrift,
  defar,
  frequencyCompensated,
  type JumpInput,
  type Loss,
  masked,
  mean,
  minSnr,
  monoid,
  mse,
  type PointInput,
  type Pointwise,
  reflexflow,
  scaled,
  squaredError,
  sum,
  weighted,
} from 'deriva/loss'
import type { Model } from 'deriva/model'
import { abs, sub } from 'deriva/onnx'
import { ddpm, flow } from 'deriva/path'
import { ramp } from 'deriva/rollout'
import { euler } from 'deriva/solver'
import {
  corrected,
  dataset,
  descend,
  dream,
  jumped,
  noised,
  perturbed,
  renoised,
  renoisedPoints,
  rollout,
  slowed,
  training,
} from 'deriva/stream'
import { adamw, type Trainer, trainer } from 'deriva/train'
import type { Parameterisation, Source } from 'deriva/types'
import { describe, expect, it } from 'vitest'

const ownForFlows: Pointwise<'flow_matching'> = ({ prediction, target }) => abs(sub(prediction, target))

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
  jumpTrainer: Trainer<'flow_matching', JumpInput>,
  maskTrainer: Trainer<'epsilon', 'mask'>,
  withMask: Source<'mask'>,
  otherMask: Source<'inpainting'>,
  pointTrainer: Trainer<'flow_matching', PointInput>,
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

  // What a loss reads, a stage or the data has to bring.
  // @ts-expect-error: no jump was drawn
  const o = pipe(dataset(source), noised(flow()), descend(jumpTrainer))
  // @ts-expect-error: a loss that reads a jump, where none is promised
  const p: Loss<'flow_matching'> = defar()
  // @ts-expect-error: no mask in the data
  const q = pipe(dataset(source), noised(path), descend(maskTrainer))
  // @ts-expect-error: a mask by another name
  const r = pipe(dataset(otherMask), noised(path), descend(maskTrainer))
  // @ts-expect-error: it says that it reads a mask, and reads edges
  const s: Pointwise<Parameterisation, 'mask'> = ({ given }) => given('edges')
  // @ts-expect-error: a sum reads all that its summands read
  const t: Loss<'epsilon', 'edges'> = sum(
    mean('a', masked('mask')(squaredError)),
    mean('b', masked('edges')(squaredError)),
  )

  // What starts from the schedule is not put after what has left it, and what mends a drift needs one.
  // @ts-expect-error: a rollout starts from data and noise, and would undo the perturbation
  const u = pipe(dataset(source), noised(flow()), perturbed(0.1), rollout(euler(), plan))
  // @ts-expect-error: rolled out twice
  const v = pipe(dataset(source), noised(flow()), rollout(euler(), plan), rollout(euler(), plan))
  // @ts-expect-error: slowed interpolation would undo the rollout
  const w = pipe(dataset(source), noised(flow()), rollout(euler(), plan), slowed(0.8))
  // @ts-expect-error: DREAM's error is that of the undrifted input
  const x = pipe(dataset(source), noised(path), rollout(euler(), plan), dream())
  // @ts-expect-error: nothing has moved
  const y = pipe(dataset(source), noised(flow()), renoised())
  // @ts-expect-error: nothing has moved
  const z = pipe(dataset(source), noised(flow()), corrected())

  // SOAR's points are those of a rollout, and the loss at them needs the stage that draws them.
  const soar = renoisedPoints({ points: 2 })
  // @ts-expect-error: no points were drawn
  const aa = pipe(dataset(source), noised(flow()), rollout(euler(), plan), descend(pointTrainer))
  // @ts-expect-error: nothing has moved
  const bb = pipe(dataset(source), noised(flow()), soar.renoised)
  // @ts-expect-error: a loss at points, where none are promised
  const cc: Loss<'flow_matching'> = soar.loss(mse)

  // Whatever is made of a loss is for the models that the loss is for.
  // @ts-expect-error: a weight for flows
  const dd: Loss<'epsilon'> = mean('compensated', frequencyCompensated(1)(squaredError))
  // @ts-expect-error: one of the summands is for flows
  const ee = concatAll(monoid<'epsilon'>())([mse, antiDrift()])
  // @ts-expect-error: a mask is for an elementwise loss
  const ff = masked('mask')(mse)
  // @ts-expect-error: a loss of one's own that says it is for flows
  const gg: Loss<'v_prediction'> = mean('own', ownForFlows)

  // The same things done right compile.
  const loss: Loss<'flow_matching'> = sum(mse, scaled(10)(antiDrift()))
  const right = [
    trainer({ model: epsilonModel, loss: weighted(minSnr(5))(mse), optimizer, batchSize: 1 }),
    pipe(dataset(source), noised(path), dream(), descend(epsilonTrainer)),
    pipe(dataset(source), noised(flow()), slowed(0.8), jumped(), descend(flowTrainer)),
    trainer({ model: flowModel, loss, optimizer, batchSize: 1 }),
    trainer({ model: flowModel, loss: defar(), optimizer, batchSize: 1 }),
    pipe(dataset(source), noised(flow()), jumped(), descend(jumpTrainer), training(jumpTrainer, loop)),
    pipe(
      dataset(withMask),
      noised(flow()),
      jumped(),
      rollout(euler(), plan),
      perturbed(0.1),
      descend(jumpTrainer),
    ),
    pipe(dataset(withMask), noised(path), descend(maskTrainer)),
    pipe(
      dataset(withMask),
      noised(path),
      rollout(euler(), plan),
      renoised(),
      corrected(),
      descend(maskTrainer),
    ),
    pipe(dataset(source), noised(flow()), rollout(euler(), plan), soar.renoised, descend(pointTrainer)),
    concatAll(monoid<'flow_matching'>())([mse, antiDrift(), mean('own', ownForFlows)]),
    // What is brought and not read does no harm.
    pipe(dataset(withMask), noised(path), descend(epsilonTrainer)),
    pipe(epsilonPipeline, training(epsilonTrainer, loop)),
    pipe(flowPipeline, training(flowTrainer, loop)),
  ]
  return [
    a,
    b,
    c,
    d,
    e,
    f,
    g,
    h,
    i,
    j,
    k,
    l,
    m,
    n,
    o,
    p,
    q,
    r,
    s,
    t,
    u,
    v,
    w,
    x,
    y,
    z,
    aa,
    bb,
    cc,
    dd,
    ee,
    ff,
    gg,
    right,
  ]
}

describe('misuse', () => {
  it('is refused by the compiler (checked by the type check of this file)', () => {
    expect(misuse).toBeTypeOf('function')
  })
})
