import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
// Not the whole room, which comes with a library of matrices that no training needs.
import { relativeDrift } from '../measure/drift.js'
import { normal } from '../random/index.js'
import {
  correctedTargets,
  type CorrectionOptions,
  type FreshNoise,
  guidanceOf,
  guided,
  plan,
  type PlanOptions,
  type RegressionTarget,
  rollout as rolloutOperator,
  shareAt,
  type Span,
} from '../rollout/index.js'
import type { Solver } from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Noised } from './noised.js'
import { type Pipeline, stageTask } from './pipeline.js'

export type RolloutOptions = PlanOptions &
  CorrectionOptions & {
    /**
     * What is regressed at the drifted latents: the `original` pair's target, as SimpleTuner does, or the `corrected` one that
     * leads from there to the data. Default `original`.
     */
    readonly target?: RegressionTarget
    /**
     * The scale of classifier-free guidance during rollouts, as samples are drawn with and as SOAR has it; the sample is trained without.
     * Other values than 1 double the cost of a rollout, and need batches that bring `empty` rows. Default 1.
     */
    readonly guidance?: number
  }

/**
 * What a rollout did to a batch.
 *
 * @param evaluations sample evaluations spent
 * @param drifts how far each sample ended from the schedule, where that is known already
 * @param started when it began, by `performance.now()`
 * @example
 * const plan = { maxStepOffset: 1, probability: () => 1 }
 * const { rolled } = rolledOut([], plan, 0, 0, performance.now())
 */
export const rolledOut = (
  spans: ReadonlyArray<Span>,
  options: PlanOptions,
  step: number,
  evaluations: number,
  started: number,
  drifts?: Float64Array,
): Noised['rollout'] => {
  const rolled = Float32Array.from(spans, ({ grid }) => (grid.length > 1 ? 1 : 0))
  const count = rolled.reduce((a, b) => a + b, 0)
  return {
    rolled,
    count,
    drift:
      rolled.reduce((sum, moved, i) => (moved === 1 ? sum + (drifts?.[i] ?? 0) : sum), 0) /
      Math.max(1, count),
    probability: shareAt(options, step),
    evaluations,
    seconds: (performance.now() - started) / 1000,
  }
}

/**
 * Scheduled sampling as a stage: the samples that the plan chooses are denoised from a noisier timestep down to their own with
 * the current weights, and are trained on what the model made of them. The others pass unchanged, at no cost.
 *
 * @param solver any solver; exchanging it touches nothing else
 * @example
 * declare const source: Source
 * const pipeline = pipe(
 *   dataset(source),
 *   noised(flow()),
 *   rollout(unipc({ order: 2 }), { maxStepOffset: 10, probability: ramp({ to: 0.5, steps: 1000 }) }),
 * )
 */
export const rollout = (
  solver: Solver,
  options: RolloutOptions,
): (<P extends Parameterisation, G extends string>(
  upstream: Pipeline<P, Noised<G>>,
) => Pipeline<P, Noised<G, true>>) =>
  stageTask(({ denoiser, seed, state: { step } }) => (batch) => {
    const started = performance.now()
    const { ids, path, timesteps, x0, noise, conditioning } = batch
    const spans = plan(options, { seed, step }, ids, timesteps, path)
    const draw: FreshNoise = (i, evaluation, out) => {
      normal({ seed, purpose: 'solver', step, sample: ids[i] }, out, 0, out.length, evaluation)
    }
    return pipe(
      TE.fromEither(guidanceOf(options.guidance ?? 1, batch)),
      TE.chainW((guidance) =>
        rolloutOperator(path, solver)(guided(denoiser, guidance), { x0, noise, spans, conditioning }, draw),
      ),
      TE.map(({ latents, evaluations }) => ({
        ...batch,
        drifted: true,
        latents,
        target:
          options.target === 'corrected'
            ? correctedTargets(denoiser.parameterisation, path, { ...batch, latents }, options)
            : batch.target,
        rollout: rolledOut(
          spans,
          options,
          step,
          evaluations,
          started,
          relativeDrift(latents, batch.ideal, ids.length),
        ),
      })),
    )
  })
