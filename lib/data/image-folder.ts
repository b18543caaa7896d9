import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import sharp from 'sharp'
import type { ImageMode } from '../config/index.js'
import { int64, size as elementsOf } from '../types/index.js'
import { classLabel, type Dataset } from './dataset.js'
import { type DataError, dataFailure, onFile } from './failure.js'
import { pixelOf } from './pixel.js'

export type ImageFolderOptions = {
  /**
   * The side of the square samples, in pixels: the shorter side of an image is scaled to it, and the middle cut out. Default: the
   * images as they are, which then all have one size.
   */
  readonly resolution?: number
  /** Channels: red, green and blue, or their luma (Rec. 601, as PIL's mode L). Default `rgb`. */
  readonly mode?: ImageMode
}

type Image = { readonly path: string; readonly label: number }

/**
 * Whether a file is called like an image that can be read.
 *
 * @example
 * const answer = isImage('photos/cat.jpg') // true
 */
export const isImage = (name: string): boolean => /\.(png|jpe?g|webp|tiff?|gif|avif)$/i.test(name)

/** The same words for messages. */
const imageKinds = '.png, .jpg, .jpeg, .webp, .tif, .tiff, .gif and .avif files'

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Paths, in the order of their names; what is hidden is left out. */
type Contents = Readonly<Record<'images' | 'folders' | 'others', ReadonlyArray<string>>>

const contentsOf = async (folder: string): Promise<Contents> => {
  const found = await readdir(folder, { withFileTypes: true })
  const entries = await Promise.all(
    found
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => compare(a.name, b.name))
      .map(async (entry) => {
        const path = join(folder, entry.name)
        // A link to a folder is one too: data is often shared so.
        const folderThere = entry.isSymbolicLink() ? await isFolder(path)() : entry.isDirectory()
        return {
          path,
          kind: folderThere === true ? 'folders' : isImage(path) ? 'images' : 'others',
        } as const
      }),
  )
  const of = (kind: keyof Contents): ReadonlyArray<string> =>
    entries.flatMap((entry) => (entry.kind === kind ? [entry.path] : []))
  return { images: of('images'), folders: of('folders'), others: of('others') }
}

/** What is told of entries that are not used. */
const leftOut = (paths: ReadonlyArray<string>, what: string): ReadonlyArray<string> =>
  paths.length === 0 ? [] : [`${paths.length} ${what}${paths.length === 1 ? '' : 's'} (such as ${paths[0]})`]

type Listed = {
  readonly images: ReadonlyArray<Image>
  readonly classes: number
  readonly notes: ReadonlyArray<string>
}

/** The images of a folder, by class and name: an order that does not depend on the file system. */
const listed = (folder: string): TE.TaskEither<DataError, Listed> =>
  pipe(
    onFile(folder, async () => {
      const whole = await contentsOf(folder)
      return { whole, within: await Promise.all(whole.folders.map(contentsOf)) }
    }),
    TE.chainEitherK(({ whole, within }): E.Either<DataError, Listed> => {
      const classes = within.map(({ images }) => images).filter((images) => images.length > 0)
      if (whole.images.length > 0 && classes.length > 0)
        return E.left(
          dataFailure(
            folder,
            `it holds images (such as ${whole.images[0]}) and folders of images; either every class has a folder, or there are none`,
          ),
        )
      const images =
        whole.images.length > 0
          ? whole.images.map((path) => ({ path, label: 0 }))
          : classes.flatMap((paths, label) => paths.map((path) => ({ path, label })))
      const unused = [
        ...leftOut(
          [whole, ...within].flatMap(({ others }) => others),
          'other file',
        ),
        ...leftOut(
          within.flatMap(({ folders }) => folders),
          'deeper folder',
        ),
      ]
      return images.length === 0
        ? E.left(dataFailure(folder, `no images in it, nor in folders in it; images are ${imageKinds}`))
        : E.right({
            images,
            classes: classes.length,
            notes:
              unused.length === 0
                ? []
                : [`${folder} has ${images.length} images; left out: ${unused.join(', ')}.`],
          })
    }),
  )

/** Bytes [height, width, channels]. */
type Decoded = {
  readonly data: Uint8Array
  readonly info: { readonly width: number; readonly height: number; readonly channels: number }
}

/** The luma of Rec. 601, as PIL's mode L has it. */
const grey = ({ data, info }: Decoded): Decoded => ({
  data: Uint8Array.from(
    { length: info.width * info.height },
    (_, i) => (19595 * data[3 * i] + 38470 * data[3 * i + 1] + 7471 * data[3 * i + 2] + 32768) >> 16,
  ),
  info: { ...info, channels: 1 },
})

const decoded = (
  path: string,
  { resolution, mode = 'rgb' }: ImageFolderOptions,
): TE.TaskEither<DataError, Decoded> =>
  pipe(
    onFile(path, () => {
      // Turned as the camera was held; what is transparent becomes white.
      const upright = sharp(path).autoOrient().flatten({ background: '#ffffff' })
      const fitted =
        resolution === undefined
          ? upright
          : upright.resize(resolution, resolution, { fit: 'cover', position: 'centre' })
      return fitted.toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    }),
    TE.map((image) => (mode === 'grey' ? grey(image) : image)),
  )

/** The names of the folders that images are in, by label. */
const classNamesOf = (images: ReadonlyArray<Image>): ReadonlyArray<string> => [
  ...new Set(images.map(({ path }) => basename(dirname(path)))),
]

/** Decoded images up to this many bytes are kept: small sets are decoded once. */
const keptBytes = 256 * 1024 * 1024

/**
 * A folder of images (PNG, JPEG, WebP, TIFF, GIF, AVIF; the first picture of several in a file) as samples [3, height, width] or
 * [1, height, width] in [−1, 1]. Where it holds folders of images, or links to some, each of them is a class, in the order of their names.
 *
 * @returns Left `DataError` where there is no such folder, or no image in it, or where an image cannot be read or has another size
 * @example
 * const photos = imageFolder('photos', { resolution: 64 })
 */
export const imageFolder = (
  folder: string,
  options: ImageFolderOptions = {},
): TE.TaskEither<DataError, Dataset> =>
  pipe(
    listed(folder),
    TE.bindTo('list'),
    TE.bind('first', ({ list: { images } }) => decoded(images[0].path, options)),
    TE.map(({ list: { images, classes, notes }, first: { info } }): Dataset => {
      const shape = [info.channels, info.height, info.width]
      const elements = elementsOf(shape)
      const kept = new Map<number, Uint8Array>()
      const pixels = (index: number): TE.TaskEither<DataError, Uint8Array> => {
        const before = kept.get(index)
        if (before !== undefined) return TE.right(before)
        const { path } = images[index]
        return pipe(
          decoded(path, options),
          TE.chainEitherK(({ data, info: { channels, height, width } }) =>
            [channels, height, width].join() === shape.join()
              ? E.right(data)
              : E.left(
                  dataFailure(
                    path,
                    `${width}×${height} pixels, where ${images[0].path} has ${info.width}×${info.height}; set a resolution to bring all images to one size`,
                  ),
                ),
          ),
          TE.map((data) => {
            if ((kept.size + 1) * elements <= keptBytes) kept.set(index, data)
            return data
          }),
        )
      }
      const planar = (bytes: Uint8Array, out: Float32Array, offset: number): void => {
        const [channels, area] = [info.channels, info.width * info.height]
        for (let c = 0; c < channels; c++)
          for (let i = 0; i < area; i++) out[offset + c * area + i] = pixelOf[bytes[i * channels + c]]
      }
      return {
        name: folder,
        ...(classes > 0 ? { classNames: classNamesOf(images) } : {}),
        size: images.length,
        shape,
        classes,
        conditioning: classes > 0 ? { label: classLabel(classes) } : {},
        notes,
        rows: (ids) =>
          pipe(
            Array.from(ids),
            // Side by side: sharp decodes in threads of its own.
            TE.traverseArray(pixels),
            TE.map((all) => {
              const x0 = new Float32Array(ids.length * elements)
              all.forEach((bytes, i) => {
                planar(bytes, x0, i * elements)
              })
              const labels = Array.from(ids, (id) => images[id].label)
              return { x0, conditioning: classes > 0 ? { label: int64([ids.length], labels) } : {} }
            }),
          ),
      }
    }),
  )

/**
 * Whether a path is a folder.
 *
 * @returns undefined where there is nothing of that name
 * @example
 * const there = isFolder('photos')
 */
export const isFolder =
  (path: string): T.Task<boolean | undefined> =>
  () =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => undefined,
    )
