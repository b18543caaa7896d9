import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Denoiser } from 'deriva/rollout'
import { type Descent, inMemory, type Lesson, type Standing, type State, type Trainer } from 'deriva/train'
import { scalar } from 'deriva/onnx'
import { float32, type Parameterisation, type Source } from 'deriva/types'

/** A one-parameter "model" in plain JavaScript: enough to test streams without a runtime. */

const valueOf = (parameters: Standing['parameters']): number => {
  const { w } = parameters
  if (w.type !== 'float32') throw new Error(`the weight is ${w.type}`)
  return w.data[0]
}
export const weightOf = ({ parameters }: Standing): number => valueOf(parameters)

const stateOf = (step: number, w: number): State => {
  const parameters = { w: float32([1], [w]) }
  return { step, parameters, ema: parameters, slots: {} }
}

/** Predicts w times the latent, and notes how many samples each call carried and at which weight. */
export const toyTrainer = <P extends Parameterisation>(
  parameterisation: P,
  {
    batchSize = 2,
    readsClean = false,
    descend = (state: Standing): TE.TaskEither<never, Descent> =>
      TE.right({
        state: stateOf(state.step + 1, weightOf(state) + 1),
        loss: weightOf(state),
        terms: {},
        gradientNorm: 1,
        learningRate: 1,
      }),
  }: {
    readonly batchSize?: number
    readonly readsClean?: boolean
    readonly descend?: (state: Standing, lesson: Lesson) => ReturnType<Trainer<P>['descend']>
  } = {},
): Trainer<P> & { readonly calls: ReadonlyArray<{ readonly weight: number; readonly samples: number }> } => {
  const calls: { weight: number; samples: number }[] = []
  return {
    calls,
    model: { parameterisation, sample: [2], prediction: scalar(0) },
    batchSize,
    initial: stateOf(0, 0),
    readsClean,
    denoiser: (parameters): Denoiser<P> => ({
      parameterisation,
      predict: (latents, timesteps) => {
        const weight = valueOf(parameters)
        calls.push({ weight, samples: timesteps.length })
        return TE.right(latents.map((x) => weight * x))
      },
    }),
    descend,
    read: (state) => TE.right(inMemory(state)),
    release: () => () => undefined,
  }
}

/** Batches of `batchSize` two-dimensional samples; counts how many were pulled. */
export const toySource = (batchSize = 2): Source & { readonly pulled: () => number } => {
  let pulled = 0
  const source: Source = (step) => {
    pulled += 1
    return TE.right({
      ids: Uint32Array.from({ length: batchSize }, (_, i) => step * batchSize + i),
      x0: Float32Array.from({ length: 2 * batchSize }, (_, i) => Math.sin(step + i)),
      shape: [2],
      conditioning: {},
    })
  }
  return Object.assign(source, { pulled: () => pulled })
}
