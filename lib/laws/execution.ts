import * as fc from 'fast-check'
import { arraySpace } from '../algebra/index.js'
import { prediction, program, route, type Asking, type Solver } from '../solver/index.js'
import type { Parameterisation } from '../types/index.js'
import { amplification, expectClose, search, unless, type Law } from './law.js'
import { perfectDenoiser, twoPeaks } from './problem.js'
import { anyParameterisation, journeyOf, latents, settings, type Setting } from './setting.js'

/** A solver run directly on arrays, one answer at a time, so that several can be run in turns. */
const begun = (
  solver: Solver,
  setting: Setting,
  parameterisation: Parameterisation,
  x: ReadonlyArray<number>,
) => {
  const { path, points } = journeyOf(setting)
  const model = perfectDenoiser(twoPeaks, parameterisation)
  const asking: Asking<Float64Array> = solver.run(arraySpace)(Float64Array.from(x), route(path, points))
  const noise = () => Float64Array.from(x, (_, i) => Math.sin(1 + i))
  let asked = asking.next()
  return {
    /** Answer one question; the result once there is one. */
    advance: (): Float64Array | undefined => {
      if (asked.done === true) return asked.value
      const out = model(asked.value.x, asked.value.at)
      asked = asking.next(prediction(arraySpace, parameterisation, asked.value, out, noise))
      return undefined
    },
  }
}

const finished = ({ advance }: ReturnType<typeof begun>): Float64Array => {
  for (;;) {
    const end = advance()
    if (end !== undefined) return end
  }
}

const trials = fc.record({ setting: settings, parameterisation: anyParameterisation, x: latents })

/** The list of small matrices does what the generator does. */
export const compiled: Law = {
  statement: 'the program of a trajectory ends where the solver ends when run directly',
  concerns: () => true,
  refute: (solver, executor, effort) =>
    search(trials, effort, ({ setting, parameterisation, x }) => {
      const { path, points } = journeyOf(setting)
      // Reading data off an epsilon model at alpha = 0 multiplies rounding by thousands.
      unless(parameterisation === 'epsilon' && points[0].alpha === 0)
      const steps = program(solver, path, parameterisation, points)
      const noise = () => Float64Array.from(x, (_, i) => Math.sin(1 + i))
      const end = executor(steps, perfectDenoiser(twoPeaks, parameterisation), Float64Array.from(x), noise)
      expectClose(
        end,
        finished(begun(solver, setting, parameterisation, x)),
        1e-9 * amplification(steps),
        'the end of the program',
      )
    }),
}

/** No state outside the trajectory: what one run learns, another does not. */
export const independence: Law = {
  statement:
    'runs are independent: two in turns end exactly where each ends alone, in any order and however often',
  concerns: () => true,
  refute: (solver, _, effort) =>
    search(fc.tuple(trials, trials), effort, (both) => {
      const start = () =>
        both.map(({ setting, parameterisation, x }) => begun(solver, setting, parameterisation, x))
      const alone = start().map(finished)
      const inTurns = start()
      const ends: Array<Float64Array | undefined> = [undefined, undefined]
      while (ends.some((end) => end === undefined))
        inTurns.forEach((run, i) => {
          ends[i] ??= run.advance()
        })
      ends.forEach((end, i) => {
        expectClose(end ?? [], alone[i], 0, `the end of run ${i + 1}`)
      })
    }),
}

/** Latents are batches of independent numbers: neither neighbours nor places matter. */
export const packing: Law = {
  statement: 'elements do not see each other: packed together or permuted, each ends where it ends alone',
  concerns: () => true,
  refute: (solver, executor, effort) =>
    search(fc.record({ setting: settings, x: latents, other: latents }), effort, ({ setting, x, other }) => {
      const { path, points } = journeyOf(setting)
      const steps = program(solver, path, 'sample', points)
      const run = (latent: ReadonlyArray<number>) =>
        executor(steps, perfectDenoiser(twoPeaks, 'sample'), Float64Array.from(latent))
      const alone = [...run(x), ...run(other)]
      expectClose(run([...x, ...other]), alone, 0, 'the packed end')
      expectClose(run([...x, ...other].reverse()), alone.reverse(), 0, 'the permuted end')
    }),
}

/** A solver asks where it is, about what it was given, and never where there is no noise to predict. */
export const questions: Law = {
  statement: 'questions stay on the way, from the initial latent at the first point to before sigma = 0',
  concerns: () => true,
  refute: (solver, _, effort) =>
    search(settings, effort, (setting) => {
      const { path, points } = journeyOf(setting)
      const { evaluations } = program(solver, path, 'v_prediction', points)
      if (
        points.length > 1 &&
        (evaluations.length === 0 || evaluations[0].at.timestep !== points[0].timestep)
      )
        throw new Error('the first question is not about the first point')
      for (const { at } of evaluations) {
        if (at.sigma === 0) throw new Error('the model is asked about a clean latent')
        const outside = at.sigma > points[0].sigma || at.sigma < points[points.length - 1].sigma
        if (outside) throw new Error(`the model is asked at timestep ${at.timestep}, off the way`)
      }
    }),
}
