import type { ElementType, Tensor } from '../types/index.js'

/** What is known of a dataset once it is open. */
export type DatasetFacts = {
  readonly name: string
  /** The shape of one sample, such as [channels, height, width]. */
  readonly shape: ReadonlyArray<number>
  /** 0 where samples have no classes. */
  readonly classes: number
  /** The names of the classes, by label, where they have names. */
  readonly classNames?: ReadonlyArray<string>
  /** Training samples. */
  readonly size: number
  /** What samples have beside their data, by name: the element type and the dimensions of a row. */
  readonly conditioning: Readonly<
    Record<string, { readonly type: ElementType; readonly dims: ReadonlyArray<number> }>
  >
  /** What is the same for all samples, by the name of the model's input. */
  readonly shared?: Readonly<Record<string, Tensor>>
}

/** The datasets that have a name; `deriva/data` reads each of them. Others are given by their path. */
export const datasetNames = ['mnist', 'fashion-mnist', 'shapes'] as const

export type DatasetName = (typeof datasetNames)[number]
