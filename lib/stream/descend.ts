import { pipe } from 'fp-ts/lib/function.js'
import * as R from 'fp-ts/lib/Record.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TailInput } from '../loss/index.js'
import type { Denoiser } from '../rollout/index.js'
import type { Metrics, Standing, State, Trainer } from '../train/index.js'
import { type ErrorOf, float32, type Parameterisation, takeRows, type TensorOf } from '../types/index.js'
import type { Noised, Whereabouts } from './noised.js'
import { type Stage, stageTask } from './pipeline.js'

/** A batch after the step it taught. */
export type Descended<S extends Standing = State> = Noised<never, Whereabouts> & {
  /** Where training stands after this step. */
  readonly state: S
  readonly metrics: Metrics
}

/** Predictions at the ideal latents, computed for rolled-out samples only (elsewhere drifted and ideal agree) in one call. */
const cleanPredictions = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  { ideal, timesteps, conditioning, rollout: { rolled } }: Noised<never, Whereabouts>,
): TE.TaskEither<ErrorOf<'EngineError'>, { readonly clean: Float32Array; readonly evaluations: number }> => {
  const clean = new Float32Array(ideal.length)
  const rows = [...rolled.keys()].filter((i) => rolled[i] === 1)
  if (rows.length === 0) return TE.right({ clean, evaluations: 0 })
  const elements = ideal.length / rolled.length
  return pipe(
    denoiser.predict(
      takeRows(float32([rolled.length, elements], ideal), rows).data,
      takeRows(float32([rolled.length], timesteps), rows).data,
      pipe(
        conditioning,
        R.map((tensor) => takeRows(tensor, rows)),
      ),
    ),
    TE.map((predictions) => {
      rows.forEach((i, row) => {
        clean.set(predictions.subarray(row * elements, (row + 1) * elements), i * elements)
      })
      return { clean, evaluations: rows.length }
    }),
  )
}

/**
 * How much data and noise each sample holds, `alpha` and `sigma`, each [batch], for losses that weigh by it.
 *
 * @example
 * declare const batch: Noised
 * const { alpha, sigma } = levels(batch)
 */
export const levels = ({
  path,
  timesteps,
}: Pick<Noised, 'path' | 'timesteps'>): Readonly<Record<'alpha' | 'sigma', TensorOf<'float32'>>> => {
  const points = Array.from(timesteps, (timestep) => path.at(timestep))
  const column = (share: 'alpha' | 'sigma'): TensorOf<'float32'> =>
    float32(
      [points.length],
      points.map((point) => point[share]),
    )
  return { alpha: column('alpha'), sigma: column('sigma') }
}

/** The mean relative drift of the samples that were rolled out. */
const meanDrift = (
  { ids, drifted, rollout: { count, drift } }: Noised<never, Whereabouts>,
  terms: Descended['metrics']['terms'],
): number =>
  // Where gradients flow through a rollout, only the training graph knows where it arrived.
  drifted === 'underway' ? (terms.drift * ids.length) / Math.max(1, count) : drift

/** A loss that finishes rollouts needs unfinished ones, and every other needs finished ones. */
export type Arrival<N extends string> = [TailInput] extends [N] ? 'underway' : boolean

/**
 * One optimizer step on each batch: state in, state out.
 *
 * @param trainer a compiled trainer; its parameterisation has to fit what comes from upstream
 * @example
 * declare const source: Source, compiled: Trainer<'flow_matching'>
 * const pipeline = pipe(dataset(source), noised(flow()), descend(compiled))
 */
export const descend = <P extends Parameterisation, N extends string = never, S extends Standing = State>(
  trainer: Trainer<P, N, S>,
): Stage<P, Noised<N, Arrival<N>>, Descended<S>> =>
  stageTask(
    ({ denoiser, state }) =>
      (batch) => {
        const started = performance.now()
        const { latents, target, x0, timesteps, conditioning, given, rollout } = batch
        return pipe(
          TE.Do,
          TE.bindW('ideal', () =>
            trainer.readsClean
              ? cleanPredictions(denoiser, batch)
              : TE.right({ clean: new Float32Array(latents.length), evaluations: 0 }),
          ),
          TE.bindW('descent', ({ ideal: { clean } }) =>
            trainer.descend(state, {
              latents,
              target,
              x0,
              timesteps,
              conditioning,
              clean,
              rolled: rollout.rolled,
              given: { ...given, ...levels(batch) },
            }),
          ),
          TE.map(({ ideal, descent }): Descended<S> => ({
            ...batch,
            state: descent.state,
            metrics: {
              step: descent.state.step,
              loss: descent.loss,
              terms: descent.terms,
              learningRate: descent.learningRate,
              gradientNorm: descent.gradientNorm,
              rolloutProbability: rollout.probability,
              rolledOut: rollout.count,
              drift: meanDrift(batch, descent.terms),
              evaluations: rollout.evaluations,
              cleanEvaluations: ideal.evaluations,
              rolloutSeconds: rollout.seconds,
              trainingSeconds: (performance.now() - started) / 1000,
            },
          })),
        )
      },
    ({ state }) => {
      // Nobody else knows of it.
      trainer.release(state)()
    },
  )
