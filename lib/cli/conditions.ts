import { readFile } from 'node:fs/promises'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { decodeSafetensors } from '../checkpoint/index.js'
import type { DatasetFacts } from '../config/index.js'
import { batchTyped, type Dataset, dataFailure, emptyRows, onFile } from '../data/index.js'
import { type Conditioning, type ErrorOf, int64, takeRows, type Tensor } from '../types/index.js'

/** What some samples are conditioned on. */
export type Conditions = {
  /** [count, …] each */
  readonly given: Conditioning
  /** The rows that stand for "nothing", [1, …] each. */
  readonly empty: Conditioning
}

/** Whether classes are all that samples are conditioned on. */
const onlyClasses = ({ conditioning }: Pick<DatasetFacts, 'conditioning'>): boolean =>
  Object.keys(conditioning).every((name) => name === 'label')

/**
 * The classes of samples to draw: they go round, unless one is asked for.
 *
 * @param label one class for all samples
 * @returns undefined where samples are conditioned on other things too, so that classes alone do not say what to draw
 * @example
 * declare const dataset: DatasetFacts
 * const conditions = classConditions(dataset, 64)
 */
export const classConditions = (
  dataset: Pick<DatasetFacts, 'classes' | 'conditioning'>,
  count: number,
  label?: number,
): Conditions | undefined => {
  const { classes } = dataset
  if (!onlyClasses(dataset)) return undefined
  if (classes === 0) return { given: {}, empty: {} }
  const labels = Array.from({ length: count }, (_, i) => label ?? i % classes)
  return { given: { label: int64([count], labels) }, empty: { label: int64([1], [classes]) } }
}

const around = (count: number, rows: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => i % rows)

const withLabel = (given: Conditioning, count: number, label: number | undefined): Conditioning =>
  label === undefined ? given : { ...given, label: int64([count], new Array<number>(count).fill(label)) }

/**
 * The conditioning of the first samples of a dataset, over and over, or its classes where there is nothing else.
 *
 * @example
 * declare const dataset: Dataset
 * const conditions = datasetConditions(dataset, 64)
 */
export const datasetConditions = (
  dataset: Dataset,
  count: number,
  label?: number,
): TE.TaskEither<ErrorOf<'DataError'>, Conditions> => {
  const classes = classConditions(dataset, count, label)
  if (classes !== undefined) return TE.right(classes)
  const rows = around(count, dataset.size)
  return pipe(
    dataset.rows(rows),
    TE.map(({ conditioning }) => ({
      given: withLabel(conditioning, count, label),
      empty: emptyRows(dataset),
    })),
  )
}

const emptyPrefix = 'empty.'

/** Zeros in the shape of one row. */
const nothing = (tensor: Tensor): Tensor => {
  const row = takeRows(tensor, [0])
  new Uint8Array(row.data.buffer, row.data.byteOffset, row.data.byteLength).fill(0)
  return row
}

/**
 * Conditioning out of a safetensors file: arrays [rows, …] under the names that the model was trained with, over and over, and
 * `empty.<name>` for what stands for "nothing"; zeros where there is none.
 *
 * @returns Left `DataError` where the file is missing or damaged, or its arrays have different numbers of rows
 * @example
 * const conditions = fileConditions('prompts.safetensors', 16)
 */
export const fileConditions = (
  path: string,
  count: number,
): TE.TaskEither<ErrorOf<'DataError'>, Conditions> =>
  pipe(
    onFile(path, () => readFile(path)),
    TE.chainEitherK((bytes) =>
      pipe(
        decodeSafetensors(bytes),
        E.mapLeft((message) => dataFailure(path, message)),
      ),
    ),
    TE.chainEitherK(({ tensors }) => {
      const arrays = Object.entries(tensors).filter(([name]) => !name.startsWith(emptyPrefix))
      const [first] = arrays
      const odd = arrays.find(
        ([, { dims }]) => dims.length === 0 || dims[0] === 0 || dims[0] !== first[1].dims[0],
      )
      if (arrays.length === 0 || odd !== undefined)
        return E.left(
          dataFailure(
            path,
            odd === undefined
              ? 'no arrays in it'
              : `"${odd[0]}" has ${odd[1].dims[0] ?? 'no'} rows; every array has one for each sample, as "${first[0]}" with ${first[1].dims[0] ?? 'none'}`,
          ),
        )
      const rows = around(count, first[1].dims[0])
      const one = (name: string, tensor: Tensor): Tensor =>
        Object.hasOwn(tensors, emptyPrefix + name)
          ? { ...tensors[emptyPrefix + name], dims: [1, ...tensor.dims.slice(1)] }
          : nothing(tensor)
      return E.right({
        given: Object.fromEntries(arrays.map(([name, tensor]) => [name, batchTyped(takeRows(tensor, rows))])),
        empty: Object.fromEntries(arrays.map(([name, tensor]) => [name, batchTyped(one(name, tensor))])),
      })
    }),
  )
