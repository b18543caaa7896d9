import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError } from 'deriva/types'
import type { Method } from './methods.js'
import type { Timing } from './result.js'
import { processorSeconds, type Setting } from './training.js'

/** Moments of a training, as shares of its steps, at which steps are timed: methods with a ramp cost more later. */
const moments = [1 / 12, 3 / 12, 5 / 12, 7 / 12, 9 / 12, 11 / 12]

const median = (xs: ReadonlyArray<number>): number => xs.toSorted((a, b) => a - b)[Math.floor(xs.length / 2)]

/** What a step of every method costs, measured in turns, so that a machine that slows down slows all of them. */
export const timed = (
  methods: Readonly<Record<string, Method>>,
  setting: Setting,
  rounds: number,
): TE.TaskEither<DerivaError, Timing> =>
  pipe(
    Object.entries(methods),
    TE.traverseSeqArray(([name, { prepared }]) =>
      pipe(
        prepared(setting),
        TE.map((training) => ({ name, training })),
      ),
    ),
    TE.chain((contestants) => {
      const seconds = contestants.map(() => moments.map((): number[] => []))
      const turns = Array.from({ length: rounds }, (_, round) =>
        contestants.flatMap(({ training }, i) =>
          moments.map((moment, at) => ({ training, i, moment, at, round })),
        ),
      ).flat()
      return pipe(
        turns,
        TE.traverseSeqArray(({ training, i, moment, at, round }) => {
          const from = Math.round(moment * setting.steps)
          let started = 0
          return pipe(
            TE.fromIO(() => {
              started = processorSeconds()
            }),
            TE.chain(() => training({ from, to: from + 1 }, () => TE.right(undefined))),
            TE.map(() => {
              // The first round warms up.
              if (round > 0) seconds[i][at].push(processorSeconds() - started)
            }),
          )
        }),
        TE.map(() => Object.fromEntries(contestants.map(({ name }, i) => [name, seconds[i].map(median)]))),
      )
    }),
  )

/** The number of steps, at most `steps`, that cost no more than `budget` seconds, where the cost changes from moment to moment. */
export const affordable = (costs: ReadonlyArray<number>, steps: number, budget: number): number => {
  const each = steps / costs.length
  let [spent, taken] = [0, 0]
  for (const cost of costs) {
    const more = Math.min(each, (budget - spent) / cost)
    spent += more * cost
    taken += more
  }
  return Math.floor(Math.min(steps, taken + 1e-9))
}

/** What a whole training costs, in seconds. */
export const whole = (costs: ReadonlyArray<number>, steps: number): number =>
  costs.reduce((sum, cost) => sum + (cost * steps) / costs.length, 0)
