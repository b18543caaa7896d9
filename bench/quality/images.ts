import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fashionMnist, labelled, type LabelledDataset, mnist } from 'deriva/data'
import { permutation } from 'deriva/random'
import type { ErrorOf } from 'deriva/types'

/** The side of the images that everything here is about: 28 pixels, framed to 32, halved. */
export const side = 16
export const pixels = side * side

const opened = { mnist, 'fashion-mnist': fashionMnist } as const

export type ImagesName = keyof typeof opened
export const imagesNames: ReadonlyArray<ImagesName> = ['mnist', 'fashion-mnist']

/** Images of the published training part that no training sees. (The published test parts have writers of their own, which is another question.) */
export const heldOut = 5000

/** The images of a part, in an order drawn once and for all: MNIST's own follows writers and digits. */
const members = (part: 'train' | 'held-out', size: number): ReadonlyArray<number> => {
  const order = [...permutation({ seed: 0, purpose: 'data', step: 0, sample: 0 }, size)]
  return part === 'train' ? order.slice(heldOut) : order.slice(0, heldOut)
}

/** Some images of a dataset of [1, 28, 28], as [1, 16, 16]: a frame of two pixels, then the means of 2 × 2. Small enough for many trainings. */
const halved = (dataset: LabelledDataset, ids: ReadonlyArray<number>): LabelledDataset => {
  const image = new Float32Array(28 * 28)
  const all = new Float32Array(ids.length * pixels)
  ids.forEach((id, index) => {
    dataset.read(id, image, 0)
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++) {
        const at = (r: number, c: number): number =>
          r < 0 || c < 0 || r >= 28 || c >= 28 ? -1 : image[r * 28 + c]
        const [r, c] = [2 * row - 2, 2 * column - 2]
        all[index * pixels + row * side + column] =
          (at(r, c) + at(r, c + 1) + at(r + 1, c) + at(r + 1, c + 1)) / 4
      }
  })
  return labelled({
    ...dataset,
    size: ids.length,
    shape: [1, side, side],
    label: (index) => dataset.label(ids[index]),
    read: (index, out, offset) => {
      out.set(all.subarray(index * pixels, (index + 1) * pixels), offset)
    },
  })
}

/**
 * Small images of a dataset.
 *
 * @param size at most so many of them, from the first; default: all
 */
export const images = (
  name: ImagesName,
  part: 'train' | 'held-out',
  size = Infinity,
): TE.TaskEither<ErrorOf<'DataError'>, LabelledDataset> =>
  pipe(
    opened[name]('train'),
    TE.map((dataset) => halved(dataset, members(part, dataset.size).slice(0, size))),
  )

/** Images and labels `from … from + count − 1` as arrays: [count, 256] and [count]. */
export const taken = (
  { read, label }: LabelledDataset,
  from: number,
  count: number,
): { readonly data: Float32Array; readonly labels: ReadonlyArray<number>; readonly count: number } => {
  const data = new Float32Array(count * pixels)
  for (let i = 0; i < count; i++) read(from + i, data, i * pixels)
  return { data, labels: Array.from({ length: count }, (_, i) => label(from + i)), count }
}
