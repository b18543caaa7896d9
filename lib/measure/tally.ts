import type { Path, Point } from '../path/index.js'
import { cosineTransform } from './cosine-transform.js'
import { distances, norms, predictionBias, shownSnr } from './drift.js'
import { ensembleOf } from './ensemble.js'
import { slowFlowTimes } from './slow-flow.js'
import { bandPowers, type Edges } from './spectrum.js'

/** What is measured of every sample by itself, and averaged. */
export type SampleMeter = (typeof sampleMeters)[number]

export const sampleMeters = [
  'drift',
  'drift_low',
  'drift_high',
  'distance',
  'slowness',
  'training_norm',
  'sampling_norm',
  'bias',
  'cosine',
  'gain',
  'snr_shift',
] as const

/**
 * What the samples at one point of a course add up to: sums only, so that tallies of different samples add up, and memory does not
 * depend on how many there are.
 */
export type PointTally = {
  /** [1]: samples. */
  readonly count: Float64Array
  /** [sampleMeters]: sums of the values that are finite, and how many these are. */
  readonly values: Float64Array
  readonly counts: Float64Array
  /** [bands]: power by spatial frequency. */
  readonly rolledBands: Float64Array
  readonly idealBands: Float64Array
  readonly driftBands: Float64Array
  readonly biasBands: Float64Array
  /** [elements] of x̂, x, x̂ − x and x̂ − alpha·x0, and [1] their total power. */
  readonly rolledSum: Float64Array
  readonly rolledPower: Float64Array
  readonly idealSum: Float64Array
  readonly idealPower: Float64Array
  readonly differenceSum: Float64Array
  readonly differencePower: Float64Array
  readonly residualSum: Float64Array
  readonly residualSquares: Float64Array
}

/** What is there at a point, for a batch. All arrays are [batch, …sample]. */
export type Scene = {
  readonly path: Path
  readonly at: Point
  readonly shape: ReadonlyArray<number>
  readonly batch: number
  readonly x0: Float32Array
  readonly noise: Float32Array
  readonly ideal: Float32Array
  readonly rolled: Float32Array
  /** What the model says there; not at the end. */
  readonly predictions: { readonly atRolled: Float32Array; readonly atIdeal: Float32Array } | undefined
}

const nowhere = (batch: number): Float64Array => new Float64Array(batch).fill(NaN)

/** The sum of each band over the batch. */
const overBatch = (powers: Float64Array, bands: number): Float64Array => {
  const sums = new Float64Array(bands)
  powers.forEach((power, i) => (sums[i % bands] += power))
  return sums
}

/** ‖low‖ or ‖high‖ of each sample from its bands, over the sample's length. */
const part = (
  powers: Float64Array,
  bands: number,
  lengths: Float64Array,
  belongs: (band: number) => boolean,
): Float64Array =>
  lengths.map((length, i) => {
    let sum = 0
    for (let band = 0; band < bands; band++) if (belongs(band)) sum += powers[i * bands + band]
    return Math.sqrt(sum) / length
  })

/**
 * What a batch adds at a point.
 *
 * @param edges of the frequency bands; `cut` is one of them
 * @example
 * declare const scene: Scene
 * const sums = tallyOf(scene, { edges: [0.125, 0.25, 0.5], cut: 0.25 })
 */
export const tallyOf = (
  { path, at, shape, batch, x0, noise, ideal, rolled, predictions }: Scene,
  { edges, cut }: { readonly edges: Edges; readonly cut: number },
): PointTally => {
  const bands = edges.length + 1
  const elements = rolled.length / Math.max(1, batch)
  const [here, there] = [cosineTransform(rolled, shape), cosineTransform(ideal, shape)]
  const powersOf = (coefficients: Float64Array): Float64Array => bandPowers(coefficients, shape, edges)
  const driftPowers = powersOf(here.map((c, i) => c - there[i]))
  const lengths = norms(ideal, batch)
  const apart = distances(rolled, ideal, batch)
  const isLow = (band: number): boolean => band < edges.length && edges[band] <= cut
  const bias = predictions && predictionBias(predictions.atRolled, predictions.atIdeal, batch)
  const biased = predictions && distances(predictions.atRolled, predictions.atIdeal, batch)
  const root = Math.sqrt(elements)
  const [shown, due] = [shownSnr(rolled, x0, batch), shownSnr(ideal, x0, batch)]
  const samples: { readonly [M in SampleMeter]: Float64Array } = {
    drift: apart.map((d, i) => d / lengths[i]),
    drift_low: part(driftPowers, bands, lengths, isLow),
    drift_high: part(driftPowers, bands, lengths, (band) => !isLow(band)),
    distance: apart,
    slowness: slowFlowTimes(path, rolled, x0, noise, batch).map((m) => m - at.timestep),
    training_norm: predictions ? norms(predictions.atIdeal, batch).map((n) => n / root) : nowhere(batch),
    sampling_norm: predictions ? norms(predictions.atRolled, batch).map((n) => n / root) : nowhere(batch),
    bias: bias?.relative ?? nowhere(batch),
    cosine: bias?.cosine ?? nowhere(batch),
    gain: biased?.map((d, i) => d / apart[i]) ?? nowhere(batch),
    // Where a latent should hold nothing but data, or no data at all, there is no ratio to compare with.
    snr_shift: at.sigma === 0 || at.alpha === 0 ? nowhere(batch) : shown.map((s, i) => s - due[i]),
  }
  const rolledEnsemble = ensembleOf(rolled, batch)
  const idealEnsemble = ensembleOf(ideal, batch)
  const difference = ensembleOf(
    rolled.map((x, e) => x - ideal[e]),
    batch,
  )
  const residual = ensembleOf(
    rolled.map((x, e) => x - at.alpha * x0[e]),
    batch,
  )
  return {
    count: Float64Array.of(batch),
    values: Float64Array.from(sampleMeters, (meter) =>
      samples[meter].reduce((sum, x) => (Number.isFinite(x) ? sum + x : sum), 0),
    ),
    counts: Float64Array.from(sampleMeters, (meter) => samples[meter].filter(Number.isFinite).length),
    rolledBands: overBatch(powersOf(here), bands),
    idealBands: overBatch(powersOf(there), bands),
    driftBands: overBatch(driftPowers, bands),
    biasBands:
      predictions === undefined
        ? new Float64Array(bands)
        : overBatch(
            powersOf(
              cosineTransform(
                Float64Array.from(predictions.atRolled, (x, e) => x - predictions.atIdeal[e]),
                shape,
              ),
            ),
            bands,
          ),
    rolledSum: rolledEnsemble.sum,
    rolledPower: Float64Array.of(rolledEnsemble.power),
    idealSum: idealEnsemble.sum,
    idealPower: Float64Array.of(idealEnsemble.power),
    differenceSum: difference.sum,
    differencePower: Float64Array.of(difference.power),
    residualSum: residual.sum,
    residualSquares: residual.squares,
  }
}

/**
 * The tally of the samples of two.
 *
 * @example
 * declare const first: PointTally, second: PointTally
 * const both = addTallies(first, second)
 */
export const addTallies = (a: PointTally, b: PointTally): PointTally => {
  const sum = (key: keyof PointTally): Float64Array => a[key].map((x, i) => x + b[key][i])
  return {
    count: sum('count'),
    values: sum('values'),
    counts: sum('counts'),
    rolledBands: sum('rolledBands'),
    idealBands: sum('idealBands'),
    driftBands: sum('driftBands'),
    biasBands: sum('biasBands'),
    rolledSum: sum('rolledSum'),
    rolledPower: sum('rolledPower'),
    idealSum: sum('idealSum'),
    idealPower: sum('idealPower'),
    differenceSum: sum('differenceSum'),
    differencePower: sum('differencePower'),
    residualSum: sum('residualSum'),
    residualSquares: sum('residualSquares'),
  }
}
