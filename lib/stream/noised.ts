import * as E from 'fp-ts/lib/Either.js'
import { type Path, type PathFamily, target, type TimestepSampler, uniformTimesteps } from '../path/index.js'
import { normal, uniform } from '../random/index.js'
import { noisedLatents } from '../rollout/index.js'
import {
  type Batch,
  breather,
  type Conditioning,
  type Parameterisation,
  size,
  type Tensor,
} from '../types/index.js'
import { type Pipeline, stageTask } from './pipeline.js'

/** The parameterisations that a path can train: a flow-matching model needs the straight path. */
export type TrainableOn<F extends PathFamily> = F extends 'flow'
  ? Parameterisation
  : Exclude<Parameterisation, 'flow_matching'>

/** Whether latents have left the schedule, or are `underway`: rolled out but for the last steps, which the training graph makes. */
export type Whereabouts = boolean | 'underway'

/**
 * A batch with its noise, at its training timesteps. All arrays are [batch, …sample] unless told otherwise.
 *
 * G names what it brings for losses to read. D is whether a stage has moved its latents: what starts from the schedule refuses a batch
 * that has left it, and what mends a rollout refuses one that has not, or that is still to be finished in the training graph.
 */
export interface Noised<G extends string = never, D extends Whereabouts = false> extends Batch<G> {
  readonly path: Path
  readonly noise: Float32Array
  /** [batch] */
  readonly timesteps: Float32Array
  /** What the model should predict, from the undrifted pair (x0, noise). */
  readonly target: Float32Array
  /** alpha·x0 + sigma·noise: exactly on the schedule. */
  readonly ideal: Float32Array
  /** What the model is trained on: the ideal latents, until a rollout replaces some of them. */
  readonly latents: Float32Array
  /** What only losses read, by name, each [batch, …]. */
  readonly given: Conditioning & Readonly<Record<G, Tensor>>
  /** Whether the latents are no longer those on the schedule. */
  readonly drifted: D
  /** What a rollout did to this batch. */
  readonly rollout: {
    /** [batch]: 1 for samples whose latents it has moved, else 0. */
    readonly rolled: Float32Array
    /** How many samples were rolled out. */
    readonly count: number
    /** Where they ended: the mean of ‖x̂ − x_t‖ / ‖x_t‖; 0 where only the training graph knows. */
    readonly drift: number
    readonly probability: number
    readonly evaluations: number
    readonly seconds: number
  }
}

/**
 * What a model should predict for each sample of undrifted pairs (x0, noise), each at its own timestep: [batch, …sample].
 *
 * @example
 * declare const batch: Noised
 * const target = targets('epsilon', batch.path, batch, batch.noise, batch.timesteps) // the noise
 */
export const targets = (
  parameterisation: Parameterisation,
  path: Path,
  { x0 }: Pick<Batch, 'x0'>,
  noise: Float32Array,
  timesteps: Float32Array,
): Float32Array => {
  const out = new Float32Array(x0.length)
  const elements = x0.length / Math.max(1, timesteps.length)
  for (let i = 0; i < timesteps.length; i++) {
    const { x0: data, epsilon } = target(parameterisation, path.at(timesteps[i]))
    for (let e = i * elements; e < (i + 1) * elements; e++) out[e] = data * x0[e] + epsilon * noise[e]
  }
  return out
}

/**
 * Draws a timestep and noise for every sample and puts it on the schedule. Both are functions of (seed, step, sample id).
 *
 * @param path decides which parameterisations the pipeline can train
 * @param timesteps how training timesteps are spread; all alike by default
 * @example
 * declare const source: Source
 * const pipeline = pipe(dataset(source), noised(flow(), logitNormalTimesteps()))
 */
export const noised = <F extends PathFamily>(
  path: Path<F>,
  timesteps: TimestepSampler = uniformTimesteps,
): (<G extends string>(
  upstream: Pipeline<TrainableOn<F>, Batch<G>>,
) => Pipeline<TrainableOn<F>, Noised<G>>) =>
  stageTask(({ denoiser, seed, state: { step } }) => (batch) => async () => {
    const pause = breather()
    const elements = size(batch.shape)
    const noise = new Float32Array(batch.x0.length)
    const times = new Float32Array(batch.ids.length)
    for (const [i, sample] of batch.ids.entries()) {
      normal({ seed, purpose: 'noise', step, sample }, noise, i * elements, elements)
      const key = { seed, purpose: 'timestep', step, sample } as const
      times[i] = timesteps(path, uniform(key, 0), uniform(key, 1))
      await pause()
    }
    const ideal = noisedLatents(path, batch.x0, noise, times)
    await pause()
    return E.right({
      ...batch,
      path,
      noise,
      timesteps: times,
      target: targets(denoiser.parameterisation, path, batch, noise, times),
      ideal,
      latents: ideal,
      // Losses may read what models do.
      given: batch.conditioning,
      drifted: false,
      rollout: {
        rolled: new Float32Array(times.length),
        count: 0,
        drift: 0,
        probability: 0,
        evaluations: 0,
        seconds: 0,
      },
    })
  })
