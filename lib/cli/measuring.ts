import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  courseProgram,
  joinTallies,
  measureBatch,
  type Measurement,
  measurementOf,
  type MeasuringOptions,
  type Tallies,
} from '../measure/index.js'
import type { Denoiser } from '../rollout/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { type HeldOut, heldOutBatch } from './held-out.js'
import { durationText } from './progress.js'
import type { Counted } from './progress-bar.js'

/** Groups that intervals are made from. */
const mostGroups = 8

/** Samples that are rolled out together. */
const mostTogether = 32

/** Sample evaluations, done and in all. */
export type MeasuringProgress = Counted & { readonly begun: number }

/**
 * How far measuring is, in one line.
 *
 * @example
 * const line = measuringText({ step: 500, total: 1000, from: 0, begun: 0, now: 2000 })
 */
export const measuringText = ({ step, total, begun, now }: MeasuringProgress): string => {
  const seconds = (now - begun) / 1000
  return [
    `evaluation ${step.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`,
    ...(step > 0 && seconds > 0
      ? [`${Math.round(step / seconds)}/s`, `${durationText(((total - step) * seconds) / step)} left`]
      : []),
  ].join(' · ')
}

/** The model's evaluations that one sample takes. */
const evaluationsOf = ({ path, courses }: MeasuringOptions, parameterisation: Parameterisation): number => {
  const ideal = new Set(courses.flatMap(({ grid }) => grid.slice(0, -1).map(({ timestep }) => timestep)))
  return courses.reduce(
    (sum, course) => sum + courseProgram(path, course, parameterisation).program.evaluations.length,
    ideal.size,
  )
}

/**
 * Measures with all samples, a batch at a time, in groups for the intervals.
 *
 * @param stop asked after each batch: what has been measured by then is the result
 * @returns undefined where nothing was measured before the stop
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>, options: MeasuringOptions, samples: HeldOut
 * const measurement = measuring(denoiser, options, samples, { show: () => undefined, stop: () => false })
 */
export const measuring =
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    options: MeasuringOptions,
    samples: HeldOut,
    { show, stop }: { readonly show: (progress: MeasuringProgress) => void; readonly stop: () => boolean },
  ): TE.TaskEither<DerivaError, Measurement | undefined> =>
  async () => {
    const count = samples.ids.length
    const groups = Math.min(mostGroups, count)
    const batches = groups * Math.ceil(count / (groups * mostTogether))
    const begun = performance.now()
    const total = count * evaluationsOf(options, denoiser.parameterisation)
    let done = 0
    const counted: Denoiser<P> = {
      ...denoiser,
      predict: (latents, timesteps, conditioning) =>
        pipe(
          denoiser.predict(latents, timesteps, conditioning),
          TE.map((prediction) => {
            done += timesteps.length
            show({ step: done, total, from: 0, begun, now: performance.now() })
            return prediction
          }),
        ),
    }
    const measure = measureBatch(counted, options)
    const tallies = new Map<number, Tallies>()
    for (let b = 0; b < batches && !stop(); b++) {
      const [from, to] = [b, b + 1].map((i) => Math.round((i * count) / batches))
      const found = await pipe(heldOutBatch(samples, from, to), TE.chainW(measure))()
      if (E.isLeft(found)) return found
      const before = tallies.get(b % groups)
      tallies.set(b % groups, before === undefined ? found.right : joinTallies(before, found.right))
    }
    return E.right(tallies.size === 0 ? undefined : measurementOf(options, [...tallies.values()]))
  }
