/** What is known of each dataset before it is read. */
export type DatasetFacts = {
  /** [channels, height, width] */
  readonly shape: readonly [number, number, number]
  readonly classes: number
  /** Training samples. */
  readonly size: number
}

/** Every dataset that a configuration can name; `deriva/data` reads each of them. */
export const datasetFacts = {
  mnist: { shape: [1, 28, 28], classes: 10, size: 60_000 },
  'fashion-mnist': { shape: [1, 28, 28], classes: 10, size: 60_000 },
  shapes: { shape: [1, 8, 8], classes: 4, size: 4096 },
} as const satisfies Record<string, DatasetFacts>

export type DatasetName = keyof typeof datasetFacts

/** The names, in the order of the table (whose keys are exactly these: it is a constant). */
export const datasetNames = Object.keys(datasetFacts) as ReadonlyArray<DatasetName>
