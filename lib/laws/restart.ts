import * as fc from 'fast-check'
import { program, route, type Program, type ReferenceDenoiser } from '../solver/index.js'
import { amplification, expectClose, search, unless, type Executor, type Law } from './law.js'
import { perfectDenoiser, twoPeaks } from './problem.js'
import { anyParameterisation, journeyOf, latents, settings } from './setting.js'

/** The noise of evaluation number j of the whole trajectory, whichever part it is run in. */
const noiseFrom = (first: number, length: number): (() => Float64Array) => {
  let j = first
  return () => {
    const evaluation = j++
    return Float64Array.from({ length }, (_, i) => Math.sin(1 + i + 3 * evaluation))
  }
}

/** A program's first `count` evaluations, ending in what register r then holds: its row takes the place of register 0's. */
const beginning = ({ evaluations, ...rest }: Program, count: number, r: number): Program => ({
  ...rest,
  evaluations: evaluations.slice(0, count).map(({ at, mix }, j) => {
    if (j < count - 1) return { at, mix }
    const columns = mix.length / rest.registers
    const swapped = Float64Array.from(mix)
    swapped.set(mix.subarray(r * columns, (r + 1) * columns))
    return { at, mix: swapped }
  }),
})

/**
 * The rest of a program, preceded by one evaluation for each register but the first that puts the model's answer there: an executor that
 * is given nothing but an initial latent can so be handed all registers, by a model that first answers with them.
 */
const resumed = ({ registers, noise, evaluations }: Program, done: number): Program => {
  const columns = registers + (noise ? 2 : 1)
  const loads = Array.from({ length: registers - 1 }, (_, i) => {
    const mix = new Float64Array(registers * columns)
    for (let r = 0; r < registers; r++) mix[r * columns + (r === i + 1 ? registers : r)] = 1
    return { at: evaluations[done].at, mix }
  })
  return { registers, noise, evaluations: [...loads, ...evaluations.slice(done)] }
}

/** Answers with what the registers are to hold, register 1 first, and then as the model does. */
const handingOver = (held: ReadonlyArray<Float64Array>, model: ReferenceDenoiser): ReferenceDenoiser => {
  let r = 1
  return (x, at) => (r < held.length ? Float64Array.from(held[r++]) : model(x, at))
}

/** All registers after the first `count` evaluations. */
const registersAfter = (
  executor: Executor,
  whole: Program,
  count: number,
  model: ReferenceDenoiser,
  x: ReadonlyArray<number>,
): ReadonlyArray<Float64Array> =>
  Array.from({ length: whole.registers }, (_, r) =>
    executor(beginning(whole, count, r), model, Float64Array.from(x), noiseFrom(0, x.length)),
  )

/**
 * A trajectory is its registers and what is left of its program, and where it has got to does not depend on where it will stop: both parts
 * of one cut at a point of its grid agree with the whole. The first part, told by `ahead` how the grid goes on, is compiled alone;
 * the second starts from the registers the first left, in a run of its own.
 */
export const restart: Law = {
  statement:
    'a trajectory cut in two equals the whole: the first part alone ends where the whole passes, and the rest goes on from the registers carried over',
  concerns: () => true,
  refute: (solver, executor, effort) =>
    search(
      fc.record({
        setting: settings,
        parameterisation: anyParameterisation,
        x: latents,
        cut: fc.integer({ min: 1, max: 9 }),
      }),
      effort,
      ({ setting, parameterisation, x, cut }) => {
        const { path, points } = journeyOf(setting)
        unless(cut >= points.length - 1 || (parameterisation === 'epsilon' && points[0].alpha === 0))
        const model = perfectDenoiser(twoPeaks, parameterisation)
        const whole = program(solver, path, parameterisation, points)
        const left = points.length - 1 - cut + route(path, points).ahead
        const first = program(solver, path, parameterisation, points.slice(0, cut + 1), left)
        const done = first.evaluations.length
        if (whole.evaluations.at(done)?.at.timestep !== points[cut].timestep)
          throw new Error(
            `alone, the first part takes ${done} evaluations, after which the whole is not at the cut`,
          )

        const held = registersAfter(executor, whole, done, model, x)
        const alone = executor(first, model, Float64Array.from(x), noiseFrom(0, x.length))
        expectClose(alone, held[0], 1e-9 * amplification(whole), 'the end of the first part')

        const rest = resumed(whole, done)
        const noise = noiseFrom(done - (held.length - 1), x.length)
        const end = executor(rest, handingOver(held, model), Float64Array.from(held[0]), noise)
        const uncut = executor(whole, model, Float64Array.from(x), noiseFrom(0, x.length))
        expectClose(end, uncut, 0, 'the end of the rest')
      },
    ),
}
