import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { LabelledDataset } from './dataset.js'
import { type DataError, dataFailure } from './failure.js'
import { idxDataset } from './idx-dataset.js'

/** Where Debian's package dataset-fashion-mnist puts the files. */
const debian = '/usr/share/datasets/fashion-mnist'

/**
 * Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747): clothes in the form of MNIST, [1, 28, 28] in [−1, 1], 10 classes.
 * It is read from a folder that holds its four files under the names of MNIST's, with or without `.gz`.
 *
 * @param part `train` has 60,000 samples, `test` 10,000
 * @param folder default: the environment's `FASHION_MNIST`, or where Debian's package dataset-fashion-mnist puts it
 * @returns Left `DataError` where the files are missing, with the ways to get them, or malformed
 * @example
 * const clothes = fashionMnist('train')
 */
export const fashionMnist = (
  part: 'train' | 'test' = 'train',
  folder: string = process.env.FASHION_MNIST ?? debian,
): TE.TaskEither<DataError, LabelledDataset> =>
  // Looked up when it is asked for: the package may be installed while a program runs.
  TE.flatten(
    TE.fromIO(() => {
      const prefix = part === 'train' ? 'train' : 't10k'
      const plain = [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`].map((name) =>
        join(folder, name),
      )
      const found = plain.map((path) => [path, `${path}.gz`].find((candidate) => existsSync(candidate)))
      const [images, labels] = found
      return images === undefined || labels === undefined
        ? TE.left(
            dataFailure(
              folder,
              `no ${plain[found.indexOf(undefined)]}[.gz]; on Debian and Ubuntu: apt-get install dataset-fashion-mnist. Elsewhere: set FASHION_MNIST to a folder with the four files of https://github.com/zalandoresearch/fashion-mnist`,
            ),
          )
        : idxDataset(`fashion-mnist ${part}`, images, labels, 10)
    }),
  )
