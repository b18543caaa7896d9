import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  type Conditioning,
  type ElementType,
  type ErrorOf,
  int64,
  size as elementsOf,
  type Tensor,
} from '../types/index.js'

/** What a sample has beside its data, such as a class or the embedding of its caption. */
export type ConditioningArray = {
  readonly type: ElementType
  /** The dimensions of one sample's row; [] is one number a sample. */
  readonly dims: ReadonlyArray<number>
  /** The row that stands for "nothing", [1, …dims]: samples trained without their conditioning have it, and so has guidance. */
  readonly empty: Tensor
}

/** Some samples. */
export type Rows = {
  /** [count, …shape] */
  readonly x0: Float32Array
  /** [count, …] each */
  readonly conditioning: Conditioning
}

/** Clean samples to train on, on disk, in memory or computed: sample i is always the same. */
export type Dataset = {
  readonly name: string
  /** The number of samples. */
  readonly size: number
  /** The shape of one sample, such as [1, 28, 28]. */
  readonly shape: ReadonlyArray<number>
  /** The number of classes, where conditioning has a `label`: those are 0 … classes − 1. Else 0. */
  readonly classes: number
  /** The names of the classes, by label, where they have names. */
  readonly classNames?: ReadonlyArray<string>
  /** What samples have beside their data, by the name of the model's input. */
  readonly conditioning: Readonly<Record<string, ConditioningArray>>
  /** What is the same for all samples, by the name of the model's input; it is no part of batches. */
  readonly shared?: Readonly<Record<string, Tensor>>
  /** What there is to tell of what was found, such as files that are no samples. */
  readonly notes?: ReadonlyArray<string>
  /** Reads samples by their numbers, 0 … size − 1, in this order. */
  readonly rows: (ids: ArrayLike<number>) => TE.TaskEither<ErrorOf<'DataError'>, Rows>
}

/** A dataset of samples with a class each, in memory or computed. */
export type LabelledDataset = Dataset & {
  /** The class of sample `index`. */
  readonly label: (index: number) => number
  /** Writes sample `index`, row-major, its values in [−1, 1], to `out[offset …]`. */
  readonly read: (index: number, out: Float32Array, offset: number) => void
}

/**
 * Classes as conditioning: `label`, one int64 a sample, where `classes` is "no class".
 *
 * @example
 * const label = classLabel(10)
 */
export const classLabel = (classes: number): ConditioningArray => ({
  type: 'int64',
  dims: [],
  empty: int64([1], [classes]),
})

/**
 * A dataset from a function that gives a sample and one that gives its class.
 *
 * @example
 * const signs = labelled({
 *   name: 'signs', size: 2, shape: [1], classes: 2,
 *   label: (index) => index,
 *   read: (index, out, offset) => { out[offset] = 2 * index - 1 },
 * })
 */
export const labelled = (
  given: Pick<LabelledDataset, 'name' | 'size' | 'shape' | 'classes' | 'label' | 'read'>,
): LabelledDataset => {
  const { shape, classes, label, read } = given
  const elements = elementsOf(shape)
  return {
    ...given,
    conditioning: { label: classLabel(classes) },
    rows: (ids) =>
      TE.fromIO(() => {
        const x0 = new Float32Array(ids.length * elements)
        const indices = Array.from(ids)
        indices.forEach((index, i) => {
          read(index, x0, i * elements)
        })
        return { x0, conditioning: { label: int64([ids.length], indices.map(label)) } }
      }),
  }
}
