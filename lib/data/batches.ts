import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { permutation, uniform } from '../random/index.js'
import { type Conditioning, type Source, takeRows, type Tensor } from '../types/index.js'
import type { Dataset } from './dataset.js'

export type BatchOptions = {
  /** Samples a batch; at most the size of the dataset. */
  readonly batchSize: number
  readonly seed: number
  /**
   * The share of samples, 0 … 1, that are trained without their conditioning: all of it is replaced by the dataset's empty rows,
   * which is the null class where there are classes. Default 0.
   */
  readonly dropout?: number
}

/** The tensor with some rows replaced by this one. */
const overwritten = (tensor: Tensor, { data: empty }: Tensor, rows: ReadonlyArray<number>): Tensor => {
  const bytes = (data: Tensor['data']): Uint8Array =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const copy = takeRows(tensor, [...Array(tensor.dims[0]).keys()])
  const [to, row] = [bytes(copy.data), bytes(empty)]
  for (const i of rows) to.set(row, i * row.length)
  return copy
}

/**
 * The rows of a dataset that stand for "nothing", by name, [1, …] each.
 *
 * @example
 * const { label } = emptyRows(shapes())
 */
export const emptyRows = ({ conditioning }: Pick<Dataset, 'conditioning'>): Conditioning =>
  Object.fromEntries(Object.entries(conditioning).map(([name, { empty }]) => [name, empty]))

/**
 * Conditioning with the empty rows of a dataset in some places.
 *
 * @param rows which of them
 * @example
 * const data = shapes()
 * const anything = emptied(data, { label: int64([2], [3, 1]) }, [0, 1])
 */
export const emptied = (
  { conditioning }: Pick<Dataset, 'conditioning'>,
  given: Conditioning,
  rows: ReadonlyArray<number>,
): Conditioning =>
  rows.length === 0
    ? given
    : Object.fromEntries(
        Object.entries(given).map(([name, tensor]) => [
          name,
          Object.hasOwn(conditioning, name) ? overwritten(tensor, conditioning[name].empty, rows) : tensor,
        ]),
      )

/**
 * A dataset as a source of batches: every epoch a new random order, cut into full batches (the few samples that are left over
 * wait for the next epoch). The batch of a step is a function of (seed, step), so a resumed run meets the same ones.
 *
 * @returns a source whose batches are Left `DataError` where the batch is larger than the dataset, or a file cannot be read
 * @example
 * const source = batches(shapes(), { batchSize: 32, seed: 1, dropout: 0.1 })
 */
export const batches = (dataset: Dataset, { batchSize, seed, dropout = 0 }: BatchOptions): Source => {
  const perEpoch = Math.floor(dataset.size / batchSize)
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
    const start = (step % perEpoch) * batchSize
    const ids = orderOf(Math.floor(step / perEpoch)).slice(start, start + batchSize)
    const dropped = [...ids.keys()].filter(
      (i) => uniform({ seed, purpose: 'dropout', step, sample: ids[i] }) < dropout,
    )
    return pipe(
      dataset.rows(ids),
      TE.map(({ x0, conditioning }) => ({
        ids,
        x0,
        shape: dataset.shape,
        conditioning: emptied(dataset, conditioning, dropped),
        empty: emptyRows(dataset),
      })),
    )
  }
}
