import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DatasetName } from '../config/index.js'
import type { ErrorOf } from '../types/index.js'
import type { Dataset } from './dataset.js'
import { fashionMnist } from './fashion-mnist.js'
import { mnist } from './mnist.js'
import { shapes } from './shapes.js'

const sources: { readonly [N in DatasetName]: TE.TaskEither<ErrorOf<'DataError'>, Dataset> } = {
  mnist: mnist('train'),
  'fashion-mnist': fashionMnist('train'),
  shapes: TE.fromIO(() => shapes()),
}

/**
 * The training samples of the dataset that a configuration names.
 *
 * @returns Left `DataError` where its files are missing or malformed
 * @example
 * const digits = openDataset('mnist')
 */
export const openDataset = (name: DatasetName): TE.TaskEither<ErrorOf<'DataError'>, Dataset> => sources[name]
