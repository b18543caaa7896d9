import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Denoiser } from '../rollout/index.js'
import type { Parameterisation } from '../types/index.js'
import { durationText } from './progress.js'
import type { Counted } from './progress-bar.js'

/** Sample evaluations, done and in all. Times are in milliseconds, of any clock that only goes forward. */
export type EvaluationProgress = Counted & { readonly begun: number }

/**
 * How far evaluations are, in one line.
 *
 * @example
 * const line = evaluationText({ step: 500, total: 1000, from: 0, begun: 0, now: 2000 })
 */
export const evaluationText = ({ step, total, begun, now }: EvaluationProgress): string => {
  const seconds = (now - begun) / 1000
  return [
    `evaluation ${step.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`,
    ...(step > 0 && seconds > 0
      ? [`${Math.round(step / seconds)}/s`, `${durationText(((total - step) * seconds) / step)} left`]
      : []),
  ].join(' · ')
}

/**
 * The same denoiser, which says after every call how many sample evaluations have been made.
 *
 * @param total how many there will be
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const watched = counted(denoiser, 1280, ({ step, total }) => { console.log(step / total) })
 */
export const counted = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  total: number,
  show: (progress: EvaluationProgress) => void,
): Denoiser<P> => {
  const begun = performance.now()
  let step = 0
  return {
    ...denoiser,
    predict: (latents, timesteps, conditioning) =>
      pipe(
        denoiser.predict(latents, timesteps, conditioning),
        TE.map((prediction) => {
          step += timesteps.length
          show({ step, total, from: 0, begun, now: performance.now() })
          return prediction
        }),
      ),
  }
}
