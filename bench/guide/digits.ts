import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Dataset, mnist } from 'deriva/data'
import { unet } from 'deriva/model'
import { flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { type Denoiser, noisedLatents, rollout } from 'deriva/rollout'
import { type Solver, unitSteps } from 'deriva/solver'
import type { Batch, DerivaError } from 'deriva/types'
import { learnt, seed } from './learning.js'

export const path = flow()
/** The shape of a digit. */
export const sample = [1, 28, 28] as const
const elements = 28 * 28

/** A small model of MNIST's digits, and some that it has not seen. */
export type Digits = {
  readonly denoiser: Denoiser<'flow_matching'>
  readonly unseen: Dataset
}

/** @param steps of training */
export const digits = (steps: number): TE.TaskEither<DerivaError, Digits> =>
  pipe(
    TE.Do,
    TE.apSW('data', mnist('train')),
    TE.apSW('unseen', mnist('test')),
    TE.bindW('denoiser', ({ data }) =>
      learnt({
        data,
        model: unet({
          parameterisation: 'flow_matching',
          sample,
          classes: 10,
          seed,
          width: 16,
          levels: 2,
          patch: 2,
        }),
        steps,
        batchSize: 32,
        dropout: 0.1,
      }),
    ),
  )

/** Samples, and the noise that goes with them. */
export type Noised = Batch & { readonly noise: Float32Array }

/** Samples of a dataset by their numbers, with noise of their own. */
export const noisedBatch = (data: Dataset, ids: ReadonlyArray<number>): TE.TaskEither<DerivaError, Noised> =>
  pipe(
    data.rows(ids),
    TE.map(({ x0, conditioning }) => {
      const noise = new Float32Array(x0.length)
      ids.forEach((id, i) =>
        normal({ seed, purpose: 'noise', step: 0, sample: id }, noise, i * elements, elements),
      )
      return { ids: Uint32Array.from(ids), x0, shape: sample, conditioning, noise }
    }),
  )

/** The batch at `target`, brought there by the model from so many timesteps above in so many even steps. */
export const rolledTo = (
  { denoiser }: Digits,
  { ids, x0, noise, conditioning }: Noised,
  target: number,
  { solver, steps, span }: { readonly solver: Solver; readonly steps: number; readonly span: number },
): TE.TaskEither<DerivaError, Float32Array> => {
  const grid = unitSteps(path, target + span, target, span / steps)
  const spans = Array.from(ids, () => ({ source: target + span, target, grid, from: 'noised' as const }))
  return pipe(
    rollout(path, solver)(denoiser, { x0, noise, spans, conditioning }),
    TE.map(({ latents }) => latents),
  )
}

/** The batch noised to a timestep. */
export const idealAt = ({ ids, x0, noise }: Noised, timestep: number): Float32Array =>
  noisedLatents(path, x0, noise, new Float32Array(ids.length).fill(timestep))
