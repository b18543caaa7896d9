import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { labelled, type LabelledDataset } from './dataset.js'
import { type DataError, dataFailure, onFile } from './failure.js'
import { decodeIdx, type Idx } from './idx.js'
import { pixelOf } from './pixel.js'

/** A file's bytes; those that a `.gz` holds. */
const contents = async (path: string): Promise<Uint8Array> => {
  const file = await readFile(path)
  return path.endsWith('.gz') ? promisify(gunzip)(file) : file
}

const readIdx = (path: string): TE.TaskEither<DataError, Idx> =>
  pipe(
    onFile(path, () => contents(path)),
    TE.chainEitherK((file) => decodeIdx(file, path)),
  )

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
          dataFailure(
            imagesPath,
            `${images.dims.length} dimensions, where images have 3 (count, height, width)`,
          ),
        )
      const [size, height, width] = images.dims
      if (labels.dims.length !== 1 || labels.dims[0] !== size)
        return E.left(
          dataFailure(labelsPath, `${labels.dims.join(' × ')} labels, where there are ${size} images`),
        )
      const stray = labels.bytes.findIndex((label) => label >= classes)
      if (stray >= 0)
        return E.left(
          dataFailure(
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
            for (let i = 0; i < pixels; i++) out[offset + i] = pixelOf[images.bytes[index * pixels + i]]
          },
        }),
      )
    }),
  )
