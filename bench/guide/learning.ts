import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom } from 'rxjs'
import { batches, type Dataset } from 'deriva/data'
import { mse } from 'deriva/loss'
import type { Model } from 'deriva/model'
import { flow } from 'deriva/path'
import type { Denoiser } from 'deriva/rollout'
import { dataset as batchesOf, descend, noised, training } from 'deriva/stream'
import { adamw, trainer, warmedUp } from 'deriva/train'
import type { DerivaError } from 'deriva/types'

/** The random draws of all pictures. */
export const seed = 1

export type Learning = {
  readonly data: Dataset
  readonly model: Model<'flow_matching'>
  readonly steps: number
  readonly batchSize: number
  /** The share of samples that are trained without their class; 1 for a model that knows no classes. */
  readonly dropout: number
}

/** The denoiser that a short training with teacher forcing makes, in one thread: the pictures need nothing better. */
export const learnt = ({
  data,
  model,
  steps,
  batchSize,
  dropout,
}: Learning): TE.TaskEither<DerivaError, Denoiser<'flow_matching'>> =>
  pipe(
    trainer({
      model,
      loss: mse,
      optimizer: adamw({ learningRate: warmedUp(30, 4e-3, () => 4e-3) }),
      batchSize,
      maxGradientNorm: 1,
      emaDecay: 0.98,
      threads: 1,
    }),
    TE.chainW((compiled) =>
      TE.tryCatch(
        async () => {
          const { state } = await lastValueFrom(
            pipe(
              batchesOf(batches(data, { batchSize, seed, dropout })),
              noised(flow()),
              descend(compiled),
              training(compiled, { steps, seed }),
            ),
          )
          return compiled.denoiser(state.ema)
        },
        // A stream of training fails with the library's own errors.
        (failure) => failure as DerivaError,
      ),
    ),
  )
