import * as TE from 'fp-ts/lib/TaskEither.js'
import { permutation, uniform } from '../random/index.js'
import { int64, size, type Source } from '../types/index.js'
import type { Dataset } from './dataset.js'

export type BatchOptions = {
  /** Samples a batch; at most the size of the dataset. */
  readonly batchSize: number
  readonly seed: number
  /** The share of samples, 0 … 1, whose label is replaced by the null class, `dataset.classes`. Default 0. */
  readonly classDropout?: number
}

/**
 * A dataset as a source of batches: every epoch a new random order, cut into full batches (the few samples that are left over
 * wait for the next epoch). The batch of a step is a function of (seed, step), so a resumed run meets the same ones. Labels are
 * the conditioning input `label`: [batch] int64.
 *
 * @returns a source whose batches are Left `DataError` where the batch is larger than the dataset
 * @example
 * const source = batches(shapes(), { batchSize: 32, seed: 1, classDropout: 0.1 })
 */
export const batches = (dataset: Dataset, { batchSize, seed, classDropout = 0 }: BatchOptions): Source => {
  const perEpoch = Math.floor(dataset.size / batchSize)
  const elements = size(dataset.shape)
  // Only a memory of the last answer: the order of an epoch costs a walk through the dataset, and hundreds of steps share it.
  let last: { readonly epoch: number; readonly order: Uint32Array } = { epoch: -1, order: new Uint32Array(0) }
  const orderOf = (epoch: number): Uint32Array => {
    if (last.epoch !== epoch)
      last = { epoch, order: permutation({ seed, purpose: 'shuffle', step: epoch, sample: 0 }, dataset.size) }
    return last.order
  }
  return (step) => {
    if (perEpoch === 0)
      return TE.left({
        _tag: 'DataError',
        message: `a batch of ${batchSize} is more than the ${dataset.size} samples of ${dataset.name}`,
      })
    return TE.fromIO(() => {
      const start = (step % perEpoch) * batchSize
      const ids = orderOf(Math.floor(step / perEpoch)).slice(start, start + batchSize)
      const x0 = new Float32Array(batchSize * elements)
      ids.forEach((id, i) => {
        dataset.read(id, x0, i * elements)
      })
      const labels = Array.from(ids, (sample) =>
        uniform({ seed, purpose: 'dropout', step, sample }) < classDropout
          ? dataset.classes
          : dataset.label(sample),
      )
      return { ids, x0, shape: dataset.shape, conditioning: { label: int64([batchSize], labels) } }
    })
  }
}
