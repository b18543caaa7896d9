import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  courseProgram,
  joinTallies,
  levelOf,
  measureBatch,
  type Measurement,
  measurementOf,
  type MeasuringOptions,
  type Tallies,
} from '../measure/index.js'
import type { Denoiser } from '../rollout/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { counted, type EvaluationProgress } from './evaluation-progress.js'
import { type HeldOut, heldOutBatch } from './held-out.js'

/** Groups that intervals are made from. */
const mostGroups = 8

/** Samples that are rolled out together. */
const mostTogether = 32

/** The model's evaluations that one sample takes. */
const evaluationsOf = ({ path, courses }: MeasuringOptions, parameterisation: Parameterisation): number => {
  const ideal = new Set(courses.flatMap(({ grid }) => grid.slice(0, -1).map(levelOf)))
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
    { show, stop }: { readonly show: (progress: EvaluationProgress) => void; readonly stop: () => boolean },
  ): TE.TaskEither<DerivaError, Measurement | undefined> =>
  async () => {
    const count = samples.ids.length
    const groups = Math.min(mostGroups, count)
    const batches = groups * Math.ceil(count / (groups * mostTogether))
    const total = count * evaluationsOf(options, denoiser.parameterisation)
    const measure = measureBatch(counted(denoiser, total, show), options)
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
