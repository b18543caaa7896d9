/** Samples with a class each, in memory or computed: sample i is always the same. */
export type Dataset = {
  readonly name: string
  /** The number of samples. */
  readonly size: number
  /** The shape of one sample, such as [1, 28, 28]. */
  readonly shape: ReadonlyArray<number>
  /** The number of classes; labels are 0 … classes − 1. */
  readonly classes: number
  /** The class of sample `index`. */
  readonly label: (index: number) => number
  /** Writes sample `index`, row-major, its values in [−1, 1], to `out[offset …]`. */
  readonly read: (index: number, out: Float32Array, offset: number) => void
}
