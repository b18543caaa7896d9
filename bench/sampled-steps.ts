import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { firstValueFrom } from 'rxjs'
import { mse } from 'deriva/loss'
import { flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { euler } from 'deriva/solver'
import { dataset, descend, noised, rollout } from 'deriva/stream'
import { adamw, type Metrics, trainer } from 'deriva/train'
import { type Batch, int64, size } from 'deriva/types'
import { realistic, realisticModel, type RealisticName, right } from './realistic.js'

const seed = 1

/** The same samples at every step; what is drawn for them changes with the step. */
const batchOf = (sample: ReadonlyArray<number>, count: number): Batch => {
  const ids = Uint32Array.from({ length: count }, (_, i) => i)
  const elements = size(sample)
  const x0 = new Float32Array(count * elements)
  ids.forEach((id) => normal({ seed, purpose: 'data', step: 0, sample: id }, x0, id * elements, elements))
  const label = int64(
    [count],
    Array.from(ids, (id) => id % 10),
  )
  return { ids, x0, shape: sample, conditioning: { label } }
}

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
