import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import sharp, { type OutputInfo } from 'sharp'
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
  /** Channels: red, green and blue, or their brightness. Default `rgb`. */
  readonly mode?: ImageMode
}

type Image = { readonly path: string; readonly label: number }

const isImage = (name: string): boolean => /^[^.].*\.(png|jpe?g|webp)$/i.test(name)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The images of a folder, by class and name: an order that does not depend on the file system. */
const listed = (
  folder: string,
): TE.TaskEither<DataError, { readonly images: ReadonlyArray<Image>; readonly classes: number }> =>
  pipe(
    onFile(folder, async () => {
      const found = await readdir(folder, { withFileTypes: true })
      const direct = found
        .filter((entry) => !entry.isDirectory() && isImage(entry.name))
        .map(({ name }) => name)
      const folders = found.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      const classes = await Promise.all(
        folders
          .map(({ name }) => name)
          .sort(compare)
          .map(async (name) => {
            const images = (await readdir(join(folder, name))).filter(isImage)
            return images.sort(compare).map((image) => join(folder, name, image))
          }),
      )
      return { direct: direct.sort(compare), classes: classes.filter((images) => images.length > 0) }
    }),
    TE.chainEitherK(({ direct, classes }) => {
      if (direct.length > 0 && classes.length > 0)
        return E.left(
          dataFailure(
            folder,
            `it holds images (such as ${direct[0]}) and folders of images; either every class has a folder, or there are none`,
          ),
        )
      const images =
        direct.length > 0
          ? direct.map((name) => ({ path: join(folder, name), label: 0 }))
          : classes.flatMap((paths, label) => paths.map((path) => ({ path, label })))
      return images.length === 0
        ? E.left(
            dataFailure(
              folder,
              'no images in it, nor in folders in it; images are .png, .jpg, .jpeg and .webp files',
            ),
          )
        : E.right({ images, classes: classes.length })
    }),
  )

type Decoded = { readonly data: Uint8Array; readonly info: OutputInfo }

const decoded = (
  path: string,
  { resolution, mode = 'rgb' }: ImageFolderOptions,
): TE.TaskEither<DataError, Decoded> =>
  onFile(path, () => {
    // Turned as the camera was held; what is transparent becomes white.
    const upright = sharp(path).autoOrient().flatten({ background: '#ffffff' })
    const fitted =
      resolution === undefined
        ? upright
        : upright.resize(resolution, resolution, { fit: 'cover', position: 'centre' })
    return fitted
      .toColourspace(mode === 'grey' ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
  })

/** Decoded images up to this many bytes are kept: small sets are decoded once. */
const keptBytes = 256 * 1024 * 1024

/**
 * A folder of images (PNG, JPEG, WebP) as samples [3, height, width] or [1, height, width] in [−1, 1]. Where it holds folders of images, each of
 * them is a class, in the order of their names.
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
    TE.map(({ list: { images, classes }, first: { info } }): Dataset => {
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
        size: images.length,
        shape,
        classes,
        conditioning: classes > 0 ? { label: classLabel(classes) } : {},
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
