import { type Path, type Point, target } from '../path/index.js'
import type { Parameterisation } from '../types/index.js'

/** What a model learns to say where its input has left the schedule: see `correctedTargets`. */
export type RegressionTarget = 'original' | 'corrected'

export type CorrectionOptions = {
  /**
   * The sigma below which the correction stops growing: it divides by max(sigma, smallestSigma). Default 0.05, where a drift of
   * 1 % of the noise's size moves the target by at most a fifth of it.
   */
  readonly smallestSigma?: number
}

/** A batch whose latents may have drifted; arrays are [batch, …sample] unless told otherwise. */
export type Drifted = {
  /** [batch] */
  readonly timesteps: ArrayLike<number>
  /** What the model should say at the ideal latents. */
  readonly target: Float32Array
  /** On the schedule. */
  readonly ideal: Float32Array
  /** Where the samples are. */
  readonly latents: Float32Array
}

/**
 * How far a target moves for every unit by which a latent has drifted from the schedule at this point: the share of epsilon in what is
 * predicted, over sigma. See `correctedTargets`.
 *
 * @example
 * const share = correctionAt('flow_matching', flow().at(500)) // 2
 */
export const correctionAt = (
  parameterisation: Parameterisation,
  at: Point,
  { smallestSigma = 0.05 }: CorrectionOptions = {},
): number => target(parameterisation, at).epsilon / Math.max(at.sigma, smallestSigma)

/**
 * What the model would have to say at drifted latents x̂ for the data to come out right: the noise that x̂ holds is
 *
 *     ε̂ = (x̂ − alpha·x0) / sigma = ε + (x̂ − x_t) / sigma,
 *
 * so the targets are ε̂; alpha·ε̂ − sigma·x0 for v; ε̂ − x0 = (x̂ − x0)/sigma for flows (HY-SOAR, arXiv 2604.12617; the direction of
 * ReflexFlow's anti-drift); and x0, which drift does not change, for sample. Undrifted latents keep their target exactly.
 * As sigma → 0 the quotient has no bound, so the second form is used with max(sigma, smallestSigma): below that the target
 * stays finite, between the original and the corrected one.
 *
 * @returns the targets, [batch, …sample]
 * @example
 * const drifted = { timesteps: [500], target: Float32Array.of(1), ideal: Float32Array.of(0.5), latents: Float32Array.of(0.6) }
 * const [v] = correctedTargets('flow_matching', flow(), drifted) // 1 + 0.1/0.5
 */
export const correctedTargets = (
  parameterisation: Parameterisation,
  path: Path,
  { timesteps, target: original, ideal, latents }: Drifted,
  options: CorrectionOptions = {},
): Float32Array => {
  const out = Float32Array.from(original)
  const elements = out.length / Math.max(1, timesteps.length)
  for (let i = 0; i < timesteps.length; i++) {
    const share = correctionAt(parameterisation, path.at(timesteps[i]), options)
    for (let e = i * elements; e < (i + 1) * elements; e++) out[e] += share * (latents[e] - ideal[e])
  }
  return out
}
