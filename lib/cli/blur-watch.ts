import { pipe } from 'fp-ts/lib/function.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Dataset } from '../data/index.js'
import { blurWarning, relativeSharpness, sharpest, sharpness, type Sharpness } from '../measure/index.js'
import type { DerivaError } from '../types/index.js'

/** Looks at samples, one set after the other, and says when they have become blurred. */
export type BlurWatch = (samples: Float32Array) => T.Task<string | undefined>

/** Samples of the data that stand for all of it. */
const enough = 512

/**
 * How sharp and how various data is, from samples that are spread evenly over it.
 *
 * @example
 * const sharp = dataSharpness(shapes())
 */
export const dataSharpness = (dataset: Dataset): TE.TaskEither<DerivaError, Sharpness> => {
  const count = Math.min(enough, dataset.size)
  const ids = Array.from({ length: count }, (_, i) => Math.floor((i * dataset.size) / count))
  return pipe(
    dataset.rows(ids),
    TE.chainTaskK(({ x0 }) => sharpness(x0, dataset.shape)),
  )
}

/** Noise has more variance and power than data: at the start of a training much is no better than little. */
const atMost1 = (x: number): number => Math.min(x, 1 / x)

/**
 * A watch over the samples of a run: compares each set with the data and with the best set before it, and has something to say when
 * variance or high-frequency power has fallen. It remembers the best; drift cannot tell, since it falls when samples blur.
 *
 * @param shape of one sample
 * @example
 * const watch = blurWatch([1, 28, 28], { variance: 0.2, highPower: 0.1 })
 * const warning = watch(new Float32Array(40 * 784))
 */
export const blurWatch = (shape: ReadonlyArray<number>, data: Sharpness): BlurWatch => {
  let best: Sharpness | undefined
  return (samples) => async () => {
    const now = relativeSharpness(await sharpness(samples, shape)(), data)
    const warning = best === undefined ? undefined : blurWarning(now, best)
    const likeData = { variance: atMost1(now.variance), highPower: atMost1(now.highPower) }
    best = best === undefined ? likeData : sharpest(best, likeData)
    return warning
  }
}
