import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
// Not the whole room, which comes with a library of matrices that no training needs.
import {
  measureBatch,
  type Measurement,
  measurementOf,
  type MeasuringOptions,
  type Tallies,
} from '../measure/measurement.js'
import type { Denoiser } from '../rollout/index.js'
import type { DerivaError, Parameterisation, Source } from '../types/index.js'
import { type Pipeline, stageTask } from './pipeline.js'

/** What the stage adds to what flows by. */
export type Measured = {
  /** How the model drifts, with the weights that this step began with; only every so many steps. */
  readonly measurement: Measurement | undefined
}

export type MeasuredOptions = Omit<MeasuringOptions, 'seed'> & {
  /** Measures at steps that are multiples of this, 0 among them. */
  readonly every: number
  /** Batches of held-out data by their number, of equal sizes: number i is the i-th group that intervals are made from. */
  readonly heldOut: Source
  /** Batches to measure with; 2 or more for intervals. Default 8. */
  readonly groups?: number
}

const measuredGroups =
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    { heldOut, groups = 8, ...rest }: MeasuredOptions,
    seed: number,
  ): TE.TaskEither<DerivaError, Measurement> =>
  async () => {
    const options = { ...rest, seed }
    const tallies: Array<Tallies> = []
    for (let group = 0; group < groups; group++) {
      const found = await pipe(heldOut(group), TE.chainW(measureBatch(denoiser, options)))()
      if (E.isLeft(found)) return found
      tallies.push(found.right)
    }
    return E.right(measurementOf(options, tallies))
  }

/**
 * A stage that measures the drift every so many steps, and passes on what flows by together with what it found: held-out samples are
 * rolled along the courses with the pipeline's current denoiser. It changes no draw of other stages. Costs the courses' evaluations
 * for every held-out sample, and one at each ideal latent, at the steps that it measures; nothing at others.
 *
 * To measure averaged weights, put it inside `withDenoiser`.
 *
 * @example
 * declare const source: Source, tests: Source, compiled: Trainer<'flow_matching'>
 * const path = flow()
 * const solver = { name: 'euler', solver: euler() }
 * const along = courses({ path, solvers: [solver], grids: [trailing(path, 10)], starts: [500] })
 * const pipeline = pipe(
 *   dataset(source),
 *   noised(path),
 *   descend(compiled),
 *   measured({ courses: along, path, every: 500, heldOut: tests }),
 *   observe(({ measurement }: Measured) => TE.fromIO(() => { console.log(measurement?.courses[0].points.at(-1)?.meters.drift) })),
 * )
 */
export const measured = (
  options: MeasuredOptions,
): (<P extends Parameterisation, A>(upstream: Pipeline<P, A>) => Pipeline<P, A & Measured>) =>
  stageTask(({ denoiser, seed, state: { step } }) => <A>(value: A) => {
    const measuring: TE.TaskEither<DerivaError, Measurement | undefined> =
      step % options.every === 0 ? measuredGroups(denoiser, options, seed) : TE.right(undefined)
    return pipe(
      measuring,
      TE.map((measurement): A & Measured => ({ ...value, measurement })),
    )
  })
