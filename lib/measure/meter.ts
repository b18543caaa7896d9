import { type Ensemble, systematicShare, varianceError, deviationOf, varianceOf } from './ensemble.js'
import type { Edges } from './spectrum.js'
import { type PointTally, type SampleMeter, sampleMeters } from './tally.js'

/** Everything that is measured at a point of a trajectory. */
export type Meter =
  SampleMeter | 'bias_high' | 'systematic' | 'variance_error' | 'excess_spread' | 'variance' | 'high_power'

/** What a reading depends on beside the sums: the noise level, and where high frequencies begin. */
export type ReadingOptions = { readonly sigma: number; readonly edges: Edges; readonly cut: number }

type Reading = (tally: PointTally, options: ReadingOptions) => number

const mean =
  (meter: SampleMeter): Reading =>
  ({ values, counts }) => {
    const i = sampleMeters.indexOf(meter)
    return values[i] / counts[i]
  }

const ensemble = (tally: PointTally, name: 'rolled' | 'ideal' | 'difference'): Ensemble => ({
  count: tally.count[0],
  sum: tally[`${name}Sum`],
  power: tally[`${name}Power`][0],
})

const residuals = ({ count, residualSum, residualSquares }: PointTally) => ({
  count: count[0],
  sum: residualSum,
  squares: residualSquares,
})

/** The power above the cut, which is one of the edges. */
const above = (bands: Float64Array, { edges, cut }: ReadingOptions): number =>
  bands.reduce((sum, power, band) => (band > 0 && edges[band - 1] >= cut ? sum + power : sum), 0)

/** How each meter is read off the sums at a point. What a point cannot tell is NaN. */
export const readings: { readonly [M in Meter]: Reading } = {
  drift: mean('drift'),
  drift_low: mean('drift_low'),
  drift_high: mean('drift_high'),
  distance: mean('distance'),
  slowness: mean('slowness'),
  training_norm: mean('training_norm'),
  sampling_norm: mean('sampling_norm'),
  bias: mean('bias'),
  cosine: mean('cosine'),
  gain: mean('gain'),
  snr_shift: mean('snr_shift'),
  bias_high: ({ biasBands }, options) =>
    above(biasBands, options) / biasBands.reduce((sum, power) => sum + power, 0),
  systematic: (tally) => systematicShare(ensemble(tally, 'difference')),
  variance_error: (tally, { sigma }) => varianceError(residuals(tally), sigma),
  excess_spread: (tally, { sigma }) => deviationOf(residuals(tally)) - sigma,
  variance: (tally) => varianceOf(ensemble(tally, 'rolled')) / varianceOf(ensemble(tally, 'ideal')),
  high_power: ({ rolledBands, idealBands }, options) =>
    above(rolledBands, options) / above(idealBands, options),
}

/** The names of all meters. The keys of a total record are the union. */
export const meters = Object.keys(readings) as ReadonlyArray<Meter>

/**
 * A value for every meter.
 *
 * @example
 * const zeros = eachMeter(() => 0)
 */
export const eachMeter = <A>(of: (meter: Meter) => A): { readonly [M in Meter]: A } => ({
  drift: of('drift'),
  drift_low: of('drift_low'),
  drift_high: of('drift_high'),
  distance: of('distance'),
  slowness: of('slowness'),
  training_norm: of('training_norm'),
  sampling_norm: of('sampling_norm'),
  bias: of('bias'),
  bias_high: of('bias_high'),
  cosine: of('cosine'),
  gain: of('gain'),
  snr_shift: of('snr_shift'),
  systematic: of('systematic'),
  variance_error: of('variance_error'),
  excess_spread: of('excess_spread'),
  variance: of('variance'),
  high_power: of('high_power'),
})
