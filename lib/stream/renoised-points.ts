import { map } from 'rxjs'
import { besidePoints, type Loss, pointInputs, type PointInput, type PointsOptions } from '../loss/index.js'
import {
  correctedTargets,
  type CorrectionOptions,
  noisedLatents,
  type RegressionTarget,
  renoisedLatents,
} from '../rollout/index.js'
import { float32, type Parameterisation, size, type Tensor } from '../types/index.js'
import { levels } from './descend.js'
import { type Noised, targets } from './noised.js'
import { type Pipeline, stage } from './pipeline.js'
import { renoisedTimesteps } from './renoised.js'

export type RenoisedPointsOptions = PointsOptions &
  CorrectionOptions & {
    /** What is regressed at the points. Default `corrected`: from where they are to the data. */
    readonly target?: RegressionTarget
  }

/** Rows of several arrays in turns: [points][batch · elements] to [batch, points, …elements]. */
const interleaved = (
  planes: ReadonlyArray<Float32Array>,
  batch: number,
  dims: ReadonlyArray<number>,
): Tensor => {
  const elements = size(dims)
  const data = new Float32Array(planes.length * batch * elements)
  planes.forEach((plane, j) => {
    for (let i = 0; i < batch; i++)
      data.set(plane.subarray(i * elements, (i + 1) * elements), (i * planes.length + j) * elements)
  })
  return float32([batch, planes.length, ...dims], data)
}

/** A stage after a rollout, and what it makes of a loss: both of one mould. */
export type RenoisedPoints = {
  readonly renoised: <P extends Parameterisation, G extends string>(
    upstream: Pipeline<P, Noised<G, true>>,
  ) => Pipeline<P, Noised<G | PointInput>>
  readonly loss: <P extends Parameterisation, N extends string = never>(
    loss: Loss<P, N>,
  ) => Loss<P, N | PointInput>
}

/**
 * SOAR's auxiliary points (HY-SOAR, arXiv 2604.12617): each sample that was rolled out is taken back towards the noise it came from, to
 * `points` timesteps drawn uniformly between its own and the noisiest, and is trained at all of them beside itself, which goes back on the
 * schedule,
 *
 *     x' = (1 − a)·x̂ + a·epsilon,   a = (sigma' − sigma)/(1 − sigma),   target (x' − x0)/sigma',
 *     L = L at x_t + weight · mean over points of L at x'
 *
 * on the flow path; others as `renoisedLatents` and `correctedTargets` have them. A drift made at nearly clean times is so met at all
 * noisier ones, where it can still be mended. The points of samples that were not rolled out count 0, so a share p of rolled-out samples
 * weighs them by p.
 *
 * Costs `points` evaluations with gradient for every sample, rolled out or not. Leave the rollout's own target `original`. (Two readers of
 * the paper pool all errors instead, (Σ L + λ Σ L')/(B + λ·B·points): that is weight = λ·points, and the whole over 1 + λ·points.)
 *
 * @example
 * declare const source: Source
 * const plan = { maxStepOffset: 1, stride: 25, probability: () => 1 }
 * const soar = renoisedPoints({ points: 6 })
 * const loss: Loss<'flow_matching', PointInput> = soar.loss(mse)
 * const unfinished = pipe(dataset(source), noised(flow()), rollout(euler(), plan), soar.renoised)
 */
export const renoisedPoints = (options: RenoisedPointsOptions = {}): RenoisedPoints => {
  const { points = 6, target: regressed = 'corrected' } = options
  return {
    loss: besidePoints(options),
    renoised: stage(({ denoiser: { parameterisation }, seed, state: { step } }) =>
      map((batch) => {
        const { ids, path, x0, noise, shape, rollout } = batch
        const all = Array.from({ length: points }, (_, j) => {
          const timesteps = renoisedTimesteps(batch, { seed, step }, j)
          const drifted = {
            timesteps,
            target: targets(parameterisation, path, batch, noise, timesteps),
            ideal: noisedLatents(path, x0, noise, timesteps),
            latents: renoisedLatents(path, batch.latents, noise, batch.timesteps, timesteps),
          }
          const { alpha, sigma } = levels({ path, timesteps })
          return {
            ...drifted,
            target:
              regressed === 'corrected'
                ? correctedTargets(parameterisation, path, drifted, options)
                : drifted.target,
            alpha: alpha.data,
            sigma: sigma.data,
          }
        })
        const stacked = (name: keyof (typeof all)[number], dims: ReadonlyArray<number>): Tensor =>
          interleaved(
            all.map((point) => point[name]),
            ids.length,
            dims,
          )
        return {
          ...batch,
          latents: batch.ideal,
          drifted: false as const,
          given: {
            ...batch.given,
            [pointInputs.latents]: stacked('latents', shape),
            [pointInputs.ideal]: stacked('ideal', shape),
            [pointInputs.target]: stacked('target', shape),
            [pointInputs.timestep]: stacked('timesteps', []),
            [pointInputs.alpha]: stacked('alpha', []),
            [pointInputs.sigma]: stacked('sigma', []),
            [pointInputs.counts]: float32([ids.length], rollout.rolled),
          },
          rollout: { ...rollout, rolled: new Float32Array(ids.length) },
        }
      }),
    ),
  }
}
