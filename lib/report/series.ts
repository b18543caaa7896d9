/** A curve: a value for each place along the horizontal axis, such as a training step or a timestep, in their order. */
export type Series = ReadonlyArray<{
  readonly at: number
  readonly value: number
  /** The ends of the value's confidence interval, where it has one. */
  readonly low?: number
  readonly high?: number
}>

/**
 * An exponential moving average that starts without bias: each value is the weighted mean of those so far, with weights that
 * fall by 1/e over `span` values.
 *
 * @param span in values; below 1 nothing is smoothed
 * @example
 * const calm = smoothed([{ at: 1, value: 2 }, { at: 2, value: 4 }], 10)
 */
export const smoothed = (series: Series, span: number): Series => {
  const keep = span < 1 ? 0 : Math.exp(-1 / span)
  let [sum, weight] = [0, 0]
  return series.map(({ at, value }) => {
    // A loss that is not finite is a gap in the curve, not the end of it.
    if (Number.isFinite(value)) {
      sum = keep * sum + (1 - keep) * value
      weight = keep * weight + (1 - keep)
    }
    return { at, value: sum / weight }
  })
}

/**
 * At most about `count` points of a curve that look the same when drawn: the least and the greatest value of every stretch, in
 * their order.
 *
 * @example
 * const drawn = thinned([{ at: 1, value: 0.5 }], 800)
 */
export const thinned = (series: Series, count: number): Series => {
  if (series.length <= count) return series
  const length = Math.ceil((2 * series.length) / count)
  const stretches = Array.from({ length: Math.ceil(series.length / length) }, (_, i) =>
    series.slice(i * length, (i + 1) * length),
  )
  return stretches.flatMap((stretch) => {
    const least = stretch.reduce((a, b) => (b.value < a.value ? b : a))
    const greatest = stretch.reduce((a, b) => (b.value > a.value ? b : a))
    return least.at === greatest.at ? [least] : least.at < greatest.at ? [least, greatest] : [greatest, least]
  })
}
