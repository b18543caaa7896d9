/**
 * The order in which samples share model calls: longest trajectory first, so that those still moving are always a prefix.
 * No call ever carries a sample that is done, and the sum of the call sizes is the sum of the lengths.
 */
export type Packing = {
  /** `order[i]` is the batch index of the i-th packed sample. */
  readonly order: Uint32Array
  /** `active[j]` samples take part in evaluation j; descending, without zeros. */
  readonly active: ReadonlyArray<number>
}

/**
 * @param lengths evaluations per sample
 * @example
 * const { order, active } = pack([0, 3, 1]) // order 1 2 0, active [2, 1, 1]
 */
export const pack = (lengths: ReadonlyArray<number>): Packing => {
  const order = Uint32Array.from(lengths.keys()).sort((a, b) => lengths[b] - lengths[a] || a - b)
  const longest = Math.max(0, ...lengths)
  const active = Array.from({ length: longest }, (_, j) => lengths.filter((n) => n > j).length)
  return { order, active }
}
