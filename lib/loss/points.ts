import { mul, reshape, slice, stopGradient, sum as sumOf, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { type Loss, type LossInputs, sum } from './loss.js'

/**
 * The names under which a batch brings further points of its samples: latents, ideal latents and targets there, [batch, points, …sample];
 * times and shares of data and noise, [batch, points]; and whose samples they count for, [batch].
 */
export const pointInputs = {
  latents: 'point_latents',
  ideal: 'point_ideal',
  target: 'point_target',
  timestep: 'point_timestep',
  alpha: 'point_alpha',
  sigma: 'point_sigma',
  counts: 'point_counts',
} as const

/** What the stage of `renoisedPoints` brings and `besidePoints` reads. */
export type PointInput = (typeof pointInputs)[keyof typeof pointInputs]

export type PointsOptions = {
  /** Points a sample, ≥ 1, each an evaluation with gradient. SOAR's are 6, the default. */
  readonly points?: number
  /** λ: what the mean error over a sample's points weighs beside the error of the sample itself. Default 1. */
  readonly weight?: number
}

/** Number `index` along the second axis: [batch, …]. */
const numbered = (all: Value, index: number): Value =>
  reshape(slice(all, [index], [index + 1], [1]), [0, ...all.shape.slice(2).map(Number)])

/**
 * A loss on every sample and, as much of it as `weight` says, on further points of the sample, which the model meets in the same graph
 * (SOAR: arXiv 2604.12617):
 *
 *     L + weight · mean over points of L at the point,   counted where `point_counts` is 1.
 *
 * Whatever the loss looks at is that of the point: latents, target, prediction, noise level. The metrics have every term twice, the
 * second as `<name>_points`. Each point costs an evaluation with gradient.
 *
 * Needs the stage of `renoisedPoints`, which makes both, so that they fit each other.
 *
 * @example
 * const loss: Loss<'flow_matching', PointInput> = besidePoints({ points: 2 })(mse)
 */
export const besidePoints =
  ({ points = 6, weight = 1 }: PointsOptions = {}) =>
  <P extends Parameterisation, N extends string = never>(loss: Loss<P, N>): Loss<P, N | PointInput> => {
    type Whole = LossInputs<P, N | PointInput>
    const placed = ({ latents: { shape }, timestep, model, given, ...rest }: Whole): ReadonlyArray<Whole> => {
      const [batch, ...sample] = shape
      const all = (name: PointInput, ...dims: ReadonlyArray<number | string>): Value =>
        given(name, [batch, points, ...dims])
      return Array.from({ length: points }, (_, j): Whole => {
        const latents = numbered(all(pointInputs.latents, ...sample), j)
        const time = numbered(all(pointInputs.timestep), j)
        const prediction = model(latents, time)
        return {
          ...rest,
          model,
          given,
          latents,
          prediction,
          biased: stopGradient(prediction),
          clean: stopGradient(model(numbered(all(pointInputs.ideal, ...sample), j), time)),
          target: numbered(all(pointInputs.target, ...sample), j),
          timestep: time,
          alpha: numbered(all(pointInputs.alpha), j),
          sigma: numbered(all(pointInputs.sigma), j),
          rolled: given(pointInputs.counts, timestep.shape),
        }
      })
    }
    // Terms share what they look at: a second copy would be differentiated a second time.
    const known = new WeakMap<Whole, ReadonlyArray<Whole>>()
    const pointsOf = (inputs: Whole): ReadonlyArray<Whole> => {
      const found = known.get(inputs) ?? placed(inputs)
      known.set(inputs, found)
      return found
    }
    const there: Loss<P, N | PointInput> = {
      terms: loss.terms.map((term) => ({
        name: `${term.name}_points`,
        weight: weight * term.weight,
        perSample: (inputs) => {
          const errors = pointsOf(inputs).map((point) => mul(term.perSample(point), point.rolled))
          return mul(1 / points, sumOf(errors))
        },
      })),
    }
    return sum<P, N | PointInput>(loss, there)
  }
