import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { firstValueFrom } from 'rxjs'
import { mse } from 'deriva/loss'
import { flow } from 'deriva/path'
import { euler } from 'deriva/solver'
import { dataset, descend, noised, rollout } from 'deriva/stream'
import { adamw, type Metrics, trainer } from 'deriva/train'
import { batchOf, realistic, realisticModel, type RealisticName, right } from './realistic.js'

const seed = 1

/** A training of this model with scheduled sampling, one step at a time: rollouts of up to 10 steps, probability 0.5. */
export const sampledSteps = async (name: RealisticName): Promise<(step: number) => Promise<Metrics>> => {
  const model = realisticModel(name)
  const { batch: batchSize } = realistic[name]
  const compiled = right(
    await trainer({
      model,
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-4 }),
      batchSize,
      maxGradientNorm: 1,
      emaDecay: 0.999,
    })(),
  )
  const batch = batchOf(model.sample, batchSize)
  const pipeline = pipe(
    dataset(() => TE.right(batch)),
    noised(flow()),
    rollout(euler(), { maxStepOffset: 10, probability: () => 0.5 }),
    descend(compiled),
  )
  let state = compiled.initial
  return async (step) => {
    const environment = { state: { ...state, step }, denoiser: compiled.denoiser(state.parameters), seed }
    const made = await firstValueFrom(pipeline(environment))
    state = made.state
    return made.metrics
  }
}
