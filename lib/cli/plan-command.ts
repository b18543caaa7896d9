import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Config, configError, configNotes, optionKeyOf, rollsOut, suggestion } from '../config/index.js'
import type { ConfigProblem, DerivaError } from '../types/index.js'
import { type Departure, departureOf } from './departure.js'
import { givenConfig } from './given-config.js'
import { lastWords } from './interruption.js'
import type { OpenMaterials } from './materials.js'
import type { ExitCode } from './outcome.js'
import { type SampleCost, sampleCost } from './plan-cost.js'
import { planNotes } from './plan-notes.js'
import type { Timing } from './plan-timing.js'
import { durationText } from './progress.js'
import { longest, plannedSteps, type PlannedStep, rampTable } from './ramp-table.js'
import { planOf, settled } from './recipe/index.js'
import type { Terminal } from './terminal.js'

/** The flags of the command itself; all others are options. */
const own = { json: '--json', untimed: '--no-timing' } as const

/** A flag that is no option may be a misspelt one of the command itself. */
const withOwnFlags = (problem: ConfigProblem): ConfigProblem => {
  const meant = suggestion(problem.key, Object.values(own))
  return meant === undefined || optionKeyOf(problem.key.replace(/^--/, '')) !== undefined
    ? problem
    : { ...problem, allowed: `there is no such option; did you mean ${meant}?` }
}

/** What is known of a run before it starts: its configuration with what the dataset decides, what its steps took, what there is to tell. */
type Known = { readonly config: Config; readonly found?: Timing; readonly notes: ReadonlyArray<string> }

/** Times the configuration's own steps. The rooms that train are loaded only if there is something to time. */
const timing =
  (config: Config, terminal: Terminal) =>
  (materials: OpenMaterials): TE.TaskEither<DerivaError, Timing> => {
    terminal.tell('Timing a few steps …')
    const dispose = lastWords(() => {
      terminal.tell('Stopped; nothing was written.')
    })
    const task = pipe(
      TE.fromTask(() => import('./plan-timing.js')),
      TE.chain(({ timed }) => timed(config, materials)),
    )
    return async () => {
      const outcome = await task()
      dispose()
      return outcome
    }
  }

/** Opens dataset and model, timed or not: what is refused for them is refused by a plan too. */
const known = (config: Config, untimed: boolean, terminal: Terminal): TE.TaskEither<DerivaError, Known> =>
  pipe(
    TE.fromTask(() => import('./materials.js')),
    TE.chain(({ openMaterials }) => openMaterials(config)),
    TE.chain((materials): TE.TaskEither<DerivaError, Known> => {
      const { dataset } = materials
      const decided = { config: settled(config, dataset), notes: dataset.notes ?? [] }
      return untimed
        ? TE.right(decided)
        : pipe(
            timing(config, terminal)(materials),
            TE.map((found) => ({ ...decided, found })),
          )
    }),
  )

/** Seconds of the whole run: every step has its share. */
const wholeRun = (config: Config, { seconds: { training, rollouts } }: Timing): number => {
  const { probability } = planOf(config)
  return Array.from(
    { length: config.max_train_steps },
    (_, step) => training + probability(step) * rollouts,
  ).reduce((a, b) => a + b, 0)
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`

const rate = (seconds: number): string => (1 / seconds).toPrecision(3)

const timingLines = (config: Config, found: Timing): ReadonlyArray<string> => {
  const { reason, together, plain, device, seconds, memory, peak } = found
  const { teacherForcing } = seconds
  const forced = config.max_train_steps * teacherForcing
  const slowest =
    seconds.training + Math.max(...plannedSteps(config).map(({ share }) => share)) * seconds.rollouts
  const count = config.max_train_steps.toLocaleString('en-US')
  const without = 'without sample grids and checkpoints'
  return [
    `device: ${reason}${together === 1 ? '' : `; ${together} steps a run`}`,
    ...(plain
      ? [
          `teacher forcing: ${rate(teacherForcing)} it/s`,
          `${count} steps: about ${durationText(forced)}, ${without}`,
        ]
      : [
          `teacher forcing alone: ${rate(teacherForcing)} it/s; this configuration: down to ${rate(slowest)} it/s, ${(slowest / teacherForcing).toPrecision(3)} times as long a step`,
          `${count} steps: about ${durationText(wholeRun(config, found))}, against ${durationText(forced)} of teacher forcing, ${without}`,
        ]),
    `memory: weights ${mebibytes(memory.weights)}, their averages ${mebibytes(memory.averages)}, the optimizer's ${mebibytes(memory.optimizer)}; gradients and activations of a step about ${mebibytes(memory.step)}`,
    `        this process came to ${mebibytes(peak)} in all${device === 'cpu' ? '' : ', what is on the GPU not counted'}`,
  ]
}

/** What a rolled-out sample and every sample cost, and the steps at which that changes. */
const costLines = (
  config: Config,
  cost: SampleCost,
  steps: ReadonlyArray<PlannedStep>,
): ReadonlyArray<string> => [
  rollsOut(config)
    ? `a sample that is rolled out: ${cost.rollout.toPrecision(3)} evaluations of the model on average, over ${cost.span.toPrecision(2)} in σ`
    : 'no sample is rolled out: scheduled sampling is off',
  ...(cost.forward + cost.trained === 0
    ? []
    : [`every sample: ${cost.forward} more without gradient, ${cost.trained} more with gradient`]),
  '',
  ...(rollsOut(config) ? [...rampTable(steps), ''] : []),
]

/** Without a clock, how much longer the longest steps are. */
const longestLines = (steps: ReadonlyArray<PlannedStep>): ReadonlyArray<string> => {
  const times = longest(steps)
  return times === 1
    ? []
    : [`a step takes up to about ${times.toPrecision(3)} times as long as one of teacher forcing alone`]
}

/**
 * `deriva plan`: what a configuration will cost, and what is to be said about it, before it runs. Writes nothing.
 *
 * @param words what follows `plan` on the command line: as for `train`, and `--json`, `--no-timing`
 * @example
 * const outcome = planCommand(['docs/examples/mnist.json', '--no-timing'], processTerminal)
 */
export const planCommand = (
  words: ReadonlyArray<string>,
  terminal: Terminal,
): TE.TaskEither<DerivaError, ExitCode> => {
  const [asJson, untimed] = [words.includes(own.json), words.includes(own.untimed)]
  const rest = words.filter((word) => word !== own.json && word !== own.untimed)
  return pipe(
    givenConfig(rest),
    TE.mapLeft(({ problems }) => configError(problems.map(withOwnFlags))),
    TE.bindTo('given'),
    TE.bindW('departure', ({ given: { config } }): TE.TaskEither<DerivaError, Departure> =>
      // A plan overwrites no run: a folder that holds one is refused to training only.
      config.resume_from_checkpoint === null
        ? TE.right({ checkpoint: undefined, notes: [] })
        : departureOf(config),
    ),
    TE.bindW('whole', ({ given: { config } }) => known(config, untimed, terminal)),
    TE.map(({ given: { config: written, notes }, departure, whole }): ExitCode => {
      const { config, found } = whole
      const cost = sampleCost(config)
      const steps: ReadonlyArray<PlannedStep> = plannedSteps(config, found?.seconds)
      const warnings = [
        ...notes,
        ...departure.notes,
        ...configNotes(written),
        ...whole.notes,
        ...planNotes(config, cost, steps),
      ]
      if (asJson) {
        const timed =
          found === undefined
            ? {}
            : {
                timing: found,
                totalSeconds: wholeRun(config, found),
                teacherForcingSeconds: config.max_train_steps * found.seconds.teacherForcing,
              }
        terminal.print(JSON.stringify({ config: written, cost, steps, ...timed, notes: warnings }, null, 2))
        return 0
      }
      const lines = [
        ...costLines(config, cost, steps),
        ...(found === undefined ? longestLines(steps) : timingLines(config, found)),
        ...warnings.map((note) => `Note: ${note}`),
      ]
      for (const line of lines) terminal.print(line)
      return 0
    }),
  )
}
