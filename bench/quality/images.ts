import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fashionMnist, labelled, type LabelledDataset, mnist } from 'deriva/data'
import { permutation } from 'deriva/random'
import { type DerivaError, float32, type TensorOf } from 'deriva/types'
import { onceTensors } from './storage.js'

/** The side of the images that everything here is about: 28 pixels, framed to 32, halved. */
export const side = 16
export const pixels = side * side

/** Where images come from. */
const sources = { mnist, 'fashion-mnist': fashionMnist } as const
export type Source = keyof typeof sources

/** What is trained on: so many images of a source. All of them are compared with the same held-out images, by the same classifier. */
export const imageSets = {
  mnist: { source: 'mnist', size: Infinity, title: 'MNIST' },
  'fashion-mnist': { source: 'fashion-mnist', size: Infinity, title: 'Fashion-MNIST' },
  'mnist-1000': { source: 'mnist', size: 1000, title: 'MNIST, 1,000 images' },
} as const satisfies Record<
  string,
  { readonly source: Source; readonly size: number; readonly title: string }
>
export type ImageSet = keyof typeof imageSets
/** In the order of the tables (the keys are exactly these: it is a constant). */
export const imageSetNames = Object.keys(imageSets) as ReadonlyArray<ImageSet>

/** Images with their labels. */
export type Images = {
  /** [count, 256] */
  readonly data: Float32Array
  readonly labels: ReadonlyArray<number>
  readonly count: number
}

/** Images of the published training part that no training sees. (The published test parts have writers of their own, which is another question.) */
const heldOut = 5000

/** All images of a dataset of [1, 28, 28], as [1, 16, 16]: a frame of two pixels, then the means of 2 × 2. Small enough for many trainings. */
export const halved = ({
  size,
  read,
  label,
}: LabelledDataset): Readonly<Record<'x0' | 'label', TensorOf<'float32'>>> => {
  // In an order drawn once and for all: MNIST's own follows writers and digits.
  const order = [...permutation({ seed: 0, purpose: 'data', step: 0, sample: 0 }, size)]
  const framed = new Float32Array((2 * side) ** 2).fill(-1)
  const image = new Float32Array(28 * 28)
  const x0 = new Float32Array(size * pixels)
  order.forEach((id, index) => {
    read(id, image, 0)
    for (let row = 0; row < 28; row++)
      framed.set(image.subarray(row * 28, (row + 1) * 28), (row + 2) * 2 * side + 2)
    for (let i = 0; i < pixels; i++) {
      const at = Math.floor(i / side) * 4 * side + (i % side) * 2
      x0[index * pixels + i] =
        (framed[at] + framed[at + 1] + framed[at + 2 * side] + framed[at + 2 * side + 1]) / 4
    }
  })
  return { x0: float32([size, 1, side, side], x0), label: float32([size], order.map(label)) }
}

/** Some of the images, from one on. */
export const some = ({ data, labels }: Images, from: number, count: number): Images => ({
  data: data.subarray(from * pixels, (from + count) * pixels),
  labels: labels.slice(from, from + count),
  count: Math.min(count, labels.length - from),
})

/** The small images of a source: those to train on, and those held out. They are made once, and kept in the folder. */
export const imagesOf = (
  folder: string,
  source: Source,
): TE.TaskEither<DerivaError, { readonly train: Images; readonly held: Images }> =>
  pipe(
    onceTensors(
      join(folder, `images-${source}.safetensors`),
      ['x0', 'label'],
      pipe(sources[source]('train'), TE.map(halved)),
    ),
    TE.map(({ x0, label }) => {
      const all = { data: x0.data, labels: [...label.data], count: label.data.length }
      return { train: some(all, heldOut, all.count - heldOut), held: some(all, 0, heldOut) }
    }),
  )

/** Images as a dataset of ten classes. */
export const datasetOf = (name: string, { data, labels, count }: Images): LabelledDataset =>
  labelled({
    name,
    size: count,
    shape: [1, side, side],
    classes: 10,
    label: (index) => labels[index],
    read: (index, out, offset) => {
      out.set(data.subarray(index * pixels, (index + 1) * pixels), offset)
    },
  })
