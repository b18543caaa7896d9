import type * as T from 'fp-ts/lib/Task.js'
import { breather, size } from '../types/index.js'
import { cosineTransform } from './cosine-transform.js'
import { ensembleOf, varianceOf } from './ensemble.js'
import { bandPowers } from './spectrum.js'

/** Where high frequencies begin unless told otherwise: a quarter of the finest that an axis can hold. */
export const standardCut = 0.25

/** How sharp and how various samples are. */
export type Sharpness = {
  /** The variance over samples, its mean over elements; NaN for fewer than 2 samples. */
  readonly variance: number
  /** The mean over samples of the power at high spatial frequencies, per element. */
  readonly highPower: number
}

/**
 * The variance over samples and the power at high spatial frequencies: both fall when samples blur towards their mean.
 *
 * @param x [batch, …shape]
 * @param shape of one sample
 * @param cut where high frequencies begin, as a share of the finest along an axis. Default 0.25
 * @example
 * const measured = sharpness(new Float32Array(2 * 784), [1, 28, 28]) // variance 0, highPower 0
 */
export const sharpness =
  (x: Float32Array, shape: ReadonlyArray<number>, cut: number = standardCut): T.Task<Sharpness> =>
  async () => {
    const pause = breather()
    const elements = size(shape)
    let high = 0
    // Sample by sample: pictures that are large or many take long.
    for (let start = 0; start < x.length; start += elements) {
      const one = x.subarray(start, start + elements)
      high += bandPowers(cosineTransform(one, shape), shape, [cut])[1]
      await pause()
    }
    return { variance: varianceOf(ensembleOf(x, x.length / elements)), highPower: high / x.length }
  }

/**
 * Samples against data at the same noise level: 1 is as sharp and as various as the data, less is blurred.
 *
 * @example
 * const seen = relativeSharpness({ variance: 1, highPower: 2 }, { variance: 2, highPower: 2 }) // 0.5, 1
 */
export const relativeSharpness = (samples: Sharpness, data: Sharpness): Sharpness => ({
  variance: samples.variance / data.variance,
  highPower: samples.highPower / data.highPower,
})

/** A share of the data's sharpness, or of what it was before, below which samples count as blurred. */
export const blurLimit = 0.8

/**
 * What a person should know about samples that blur: a sentence, or nothing. Drift cannot tell, since a latent that loses its details
 * comes closer to the ideal one on average.
 *
 * @param now sharpness relative to the data
 * @param best the best sharpness relative to the data that this run has had; none at its start
 * @example
 * const warning = blurWarning({ variance: 0.9, highPower: 0.5 }, { variance: 0.9, highPower: 0.8 })
 */
export const blurWarning = (now: Sharpness, best?: Sharpness): string | undefined => {
  const names = { variance: 'variance', highPower: 'high-frequency power' } as const
  const fallen = (['variance', 'highPower'] as const).flatMap((key) => {
    const was = Math.min(1, best?.[key] ?? 1)
    return now[key] < blurLimit * was
      ? [
          `${names[key]} ${now[key].toFixed(2)} of the data's${best === undefined ? '' : `, after ${best[key].toFixed(2)}`}`,
        ]
      : []
  })
  return fallen.length === 0 ? undefined : `the samples are blurred: ${fallen.join('; ')}`
}

/**
 * The better of two, each of variance and power by itself.
 *
 * @example
 * const best = sharpest({ variance: 1, highPower: 0.5 }, { variance: 0.9, highPower: 0.8 }) // 1, 0.8
 */
export const sharpest = (a: Sharpness, b: Sharpness): Sharpness => ({
  variance: Math.max(a.variance, b.variance),
  highPower: Math.max(a.highPower, b.highPower),
})
