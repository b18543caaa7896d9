import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Config } from '../config/index.js'
import { type Dataset, fashionMnist, mnist, openDataset, shapes } from '../data/index.js'
import { permutation } from '../random/index.js'
import type { Batch, DerivaError } from '../types/index.js'

/** Samples to measure with, and whether the model has been trained on them. */
export type HeldOut = {
  readonly dataset: Dataset
  /** The numbers of the samples, in the order of their use. */
  readonly ids: ReadonlyArray<number>
  readonly seen: boolean
}

/** What is kept from training: the published test sets; shapes are computed, so that there are always more of them. */
const kept = (
  dataset: string,
  count: number,
): TE.TaskEither<DerivaError, { readonly dataset: Dataset; readonly first: number }> | undefined => {
  switch (dataset) {
    case 'mnist':
      return pipe(
        mnist('test'),
        TE.map((test) => ({ dataset: test, first: 0 })),
      )
    case 'fashion-mnist':
      return pipe(
        fashionMnist('test'),
        TE.map((test) => ({ dataset: test, first: 0 })),
      )
    case 'shapes': {
      const { size } = shapes()
      return TE.right({ dataset: shapes({ size: size + count }), first: size })
    }
    default:
      return undefined
  }
}

/**
 * Samples that a run was not trained on, in an order that the seed names: of MNIST and Fashion-MNIST the test set, of shapes such as
 * come after those of training. Of other data there is no part that training leaves out, and what was seen has to do.
 *
 * @param count how many are wanted; fewer where there are fewer
 * @example
 * declare const config: Config
 * const samples = heldOut(config, { count: 256, seed: 0 })
 */
export const heldOut = (
  config: Config,
  { count, seed }: { readonly count: number; readonly seed: number },
): TE.TaskEither<DerivaError, HeldOut> => {
  const order = (dataset: Dataset, first: number): ReadonlyArray<number> =>
    Array.from(
      permutation({ seed, purpose: 'shuffle', step: 0, sample: 0 }, dataset.size - first).subarray(0, count),
      (i) => first + i,
    )
  const apart = kept(config.dataset, count)
  if (apart !== undefined)
    return pipe(
      apart,
      TE.map(({ dataset, first }) => ({ dataset, ids: order(dataset, first), seen: false })),
    )
  return pipe(
    openDataset(config),
    TE.map((dataset) => ({ dataset, ids: order(dataset, 0), seen: true })),
  )
}

/**
 * Some of the samples as a batch.
 *
 * @param from the first, as a place in the order
 * @param to the place after the last
 * @example
 * declare const samples: HeldOut
 * const batch = heldOutBatch(samples, 0, 32)
 */
export const heldOutBatch = (
  { dataset, ids }: HeldOut,
  from: number,
  to: number,
): TE.TaskEither<DerivaError, Batch> => {
  const some = Uint32Array.from(ids.slice(from, to))
  return pipe(
    dataset.rows(some),
    TE.map(({ x0, conditioning }) => ({ ids: some, x0, shape: dataset.shape, conditioning })),
  )
}
