import { basename, dirname } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Config, configError } from '../config/index.js'
import {
  blurWarning,
  type Course,
  courses,
  type Measurement,
  type MeasuringOptions,
} from '../measure/index.js'
import {
  type DrawnStrip,
  encodeMeasurement,
  readMetrics,
  writeMeasurement,
  writeReport,
  writeRunFile,
} from '../report/index.js'
import type { Denoiser } from '../rollout/index.js'
import { type Solver, solverOf } from '../solver/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { withDevice } from './device-engine.js'
import { type EvaluationProgress, evaluationText } from './evaluation-progress.js'
import { heldOut, type HeldOut, heldOutBatch } from './held-out.js'
import { listen } from './interruption.js'
import type { MeasureOptions } from './measure-options.js'
import { measurementText } from './measurement-text.js'
import { measuring } from './measuring.js'
import type { ExitCode } from './outcome.js'
import { viewOf } from './progress-bar.js'
import { samplingOf } from './recipe/index.js'
import { readRun, runDenoiser } from './run-model.js'
import { strip } from './strips.js'
import type { Terminal } from './terminal.js'

const refuse = (key: string, value: unknown, allowed: string): DerivaError =>
  configError([{ key, value, allowed }])

/** Samples whose trajectories are shown. */
const pictured = 3

/** What the options ask to be measured. */
const planned = (config: Config, options: MeasureOptions): TE.TaskEither<DerivaError, MeasuringOptions> => {
  const { path } = samplingOf(config, 1)
  const starts = options.from ?? ['noise', 750, 500, 250]
  const last = path.noisiest.timestep
  const beyond = starts.find((start) => start !== 'noise' && start > last)
  if (beyond !== undefined)
    return TE.left(refuse('--from', beyond, `the word noise, or a timestep up to ${last}`))
  const named = (
    name: string,
  ): TE.TaskEither<DerivaError, { readonly name: string; readonly solver: Solver }> =>
    pipe(
      TE.fromEither(solverOf(name, { order: options.order ?? 2 })),
      TE.map((solver) => ({ name, solver })),
    )
  return pipe(
    TE.sequenceSeqArray((options.solver ?? [config.validation_sampler]).map(named)),
    TE.map((solvers) => ({
      path,
      courses: courses({
        path,
        solvers,
        grids: (options.steps ?? [10, 20, 50]).map((steps) => samplingOf(config, steps).grid),
        starts,
      }),
      seed: options.seed ?? config.validation_seed,
      ...(options.cut === undefined ? {} : { cut: options.cut }),
    })),
  )
}

/** The courses with the fewest steps, from pure noise and from the noisiest data: what drifts most is what one wants to see. */
const toShow = (all: ReadonlyArray<Course>): ReadonlyArray<Course> => {
  const least = all.reduce((steps, course) => Math.min(steps, course.steps), Infinity)
  const first = all.filter(({ name, steps }) => name === all.at(0)?.name && steps === least)
  const noised = first
    .filter(({ start }) => start !== 'noise')
    .sort((a, b) => b.grid[0].timestep - a.grid[0].timestep)
  return [...noised.slice(0, 1), ...first.filter(({ start }) => start === 'noise').slice(0, 1)]
}

const strips = (
  denoiser: Denoiser<Parameterisation>,
  { path, courses: all, seed }: MeasuringOptions,
  samples: HeldOut,
): TE.TaskEither<DerivaError, ReadonlyArray<DrawnStrip>> =>
  pipe(
    heldOutBatch(samples, 0, Math.min(pictured, samples.ids.length)),
    TE.chainW((few) =>
      TE.sequenceSeqArray(toShow(all).map((course) => strip(denoiser, path, course, few, seed))),
    ),
    TE.map((drawn) => drawn.flat()),
  )

/** What a person should know about samples that blur. */
const warnings = ({ courses: measured }: Measurement): ReadonlyArray<string> =>
  measured.flatMap(({ solver, steps, start, points }) => {
    const end = points.at(-1)?.meters
    if (start !== 'noise' || end === undefined) return []
    const warning = blurWarning({ variance: end.variance.value, highPower: end.high_power.value })
    return warning === undefined ? [] : [`${solver} in ${steps} steps: ${warning}`]
  })

/** Where the measurement goes: a file of its own, or the run folder with its report. */
const keep = (
  folder: string,
  out: string | undefined,
  measurement: Measurement,
  drawn: ReadonlyArray<DrawnStrip>,
): TE.TaskEither<DerivaError, ReadonlyArray<string>> =>
  pipe(
    readMetrics(folder),
    TE.map((metrics) => ({ ...measurement, step: metrics.at(-1)?.step ?? 0 })),
    TE.chain((measured) =>
      out === undefined
        ? pipe(
            writeMeasurement(folder, measured, drawn),
            TE.chain((path) =>
              pipe(
                writeReport(folder),
                TE.map((report) => [path, report]),
              ),
            ),
          )
        : pipe(
            writeRunFile(dirname(out), basename(out), encodeMeasurement({ ...measured, strips: [] })),
            TE.map((path) => [path]),
          ),
    ),
  )

/**
 * `deriva measure`: rolls held-out samples through the schedule with a run's averaged model, and says how far they drift.
 *
 * @param folder the folder of the run
 * @returns 0 when all samples are measured, 130 when interrupted: what was measured by then is written
 * @example
 * const outcome = measureCommand('runs/mnist', { num: 64, steps: [10, 20] }, processTerminal)
 */
export const measureCommand = (
  folder: string,
  options: MeasureOptions,
  terminal: Terminal,
): TE.TaskEither<DerivaError, ExitCode> => {
  const view = viewOf<EvaluationProgress>(terminal, evaluationText)
  const interruption = listen(() => {
    view.close()
    terminal.tell('Finishing this batch and saving; Ctrl-C again stops at once.')
  })
  const task = pipe(
    readRun(folder),
    TE.bindTo('run'),
    TE.bind('plan', ({ run: { config } }) => planned(config, options)),
    TE.bind('samples', ({ run: { config }, plan: { seed } }) =>
      heldOut(config, { count: options.num ?? 256, seed }),
    ),
    TE.chain(({ run, plan, samples }) => {
      const { config } = run
      if (samples.seen)
        terminal.tell(`Note: ${config.dataset} keeps no samples from training; these were trained on.`)
      return pipe(
        withDevice(
          '--device',
          options.device ?? 'auto',
        )(({ engine, reason }) => {
          terminal.tell(`device: ${reason}`)
          return pipe(
            runDenoiser(run, engine),
            TE.bindTo('denoiser'),
            TE.bindW('measurement', ({ denoiser }) =>
              measuring(denoiser, plan, samples, { show: view.show, stop: interruption.requested }),
            ),
            TE.bindW('drawn', ({ denoiser, measurement }) =>
              measurement === undefined ? TE.right([]) : strips(denoiser, plan, samples),
            ),
          )
        }),
        TE.chainW(({ measurement, drawn }): TE.TaskEither<DerivaError, ExitCode> => {
          view.close()
          if (measurement === undefined) return TE.right(130)
          return pipe(
            keep(folder, options.out, measurement, drawn),
            TE.map((paths): ExitCode => {
              terminal.print(measurementText(measurement))
              for (const warning of warnings(measurement)) terminal.tell(`Note: ${warning}`)
              for (const path of paths) terminal.print(path)
              return measurement.samples < samples.ids.length ? 130 : 0
            }),
          )
        }),
      )
    }),
  )
  return async () => {
    const outcome = await task()
    view.close()
    interruption.dispose()
    return outcome
  }
}
