import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  configError,
  type ConfigError,
  type DatasetName,
  datasetNames,
  type ImageMode,
  suggestion,
} from '../config/index.js'
import type { Dataset } from './dataset.js'
import { type DataError, onFile } from './failure.js'
import { fashionMnist } from './fashion-mnist.js'
import { imageFolder, isFolder, isImage } from './image-folder.js'
import { mnist } from './mnist.js'
import { shapes } from './shapes.js'
import { tensorDataset } from './tensor-dataset.js'

const named: { readonly [N in DatasetName]: TE.TaskEither<DataError, Dataset> } = {
  mnist: mnist('train'),
  'fashion-mnist': fashionMnist('train'),
  shapes: TE.fromIO(() => shapes()),
}

const isName = (dataset: string): dataset is DatasetName => Object.hasOwn(named, dataset)

const isTensorFile = (name: string): boolean => /^[^.].*\.safetensors$/i.test(name)

/** The options of a configuration that say where samples come from. */
export type DatasetSource = {
  /** A name, or a path. */
  readonly dataset: string
  /** See `ImageFolderOptions`. */
  readonly resolution?: number | null
  readonly image_mode?: ImageMode
}

const unknown = (dataset: string, there: boolean): ConfigError => {
  const meant = suggestion(dataset, datasetNames)
  const reason = there
    ? `; this is a file of another kind${isImage(dataset) ? `: the folder of the images is ${dirname(dataset)}` : ''}`
    : meant === undefined
      ? '; there is no such file or folder'
      : `; did you mean ${meant}?`
  return configError([
    {
      key: 'dataset',
      value: dataset,
      allowed: `one of ${datasetNames.join(', ')}, or the path of a folder of images, of a .safetensors file or of a folder of such files${reason}`,
    },
  ])
}

/** Data of another kind than images of a folder, which alone have a say in what they become. */
const otherThanImages =
  ({ resolution = null, image_mode: mode = 'rgb' }: DatasetSource) =>
  (dataset: Dataset): Dataset => {
    const idle = [...(resolution === null ? [] : ['resolution']), ...(mode === 'rgb' ? [] : ['image_mode'])]
    return idle.length === 0
      ? dataset
      : {
          ...dataset,
          notes: [
            ...(dataset.notes ?? []),
            `${idle.join(', ')} ${idle.length === 1 ? 'does' : 'do'} nothing: ${dataset.name} is no folder of images.`,
          ],
        }
  }

/**
 * The training samples that a configuration names: a dataset that deriva knows, a folder of images (`imageFolder`), a .safetensors
 * file, or a folder of such files (`tensorDataset`).
 *
 * @returns Left `ConfigError` where there is nothing of that name, `DataError` where its files are missing or malformed
 * @example
 * const digits = openDataset({ dataset: 'mnist' })
 */
export const openDataset = (source: DatasetSource): TE.TaskEither<ConfigError | DataError, Dataset> => {
  const { dataset, resolution = null, image_mode: mode = 'rgb' } = source
  const tensors = (paths: ReadonlyArray<string>): TE.TaskEither<DataError, Dataset> =>
    pipe(tensorDataset(dataset, paths), TE.map(otherThanImages(source)))
  if (isName(dataset)) return pipe(named[dataset], TE.map(otherThanImages(source)))
  const ofFolder = pipe(
    onFile(dataset, () => readdir(dataset)),
    TE.map((names) => names.filter(isTensorFile).sort()),
    TE.chain((files) =>
      files.length > 0
        ? tensors(files.map((name) => join(dataset, name)))
        : imageFolder(dataset, { mode, ...(resolution === null ? {} : { resolution }) }),
    ),
  )
  return pipe(
    TE.fromTask(isFolder(dataset)),
    TE.chain((folder): TE.TaskEither<ConfigError | DataError, Dataset> => {
      if (folder === true) return ofFolder
      return folder === false && isTensorFile(dataset)
        ? tensors([dataset])
        : TE.left(unknown(dataset, folder === false))
    }),
  )
}
