import * as fc from 'fast-check'
import { program } from '../solver/index.js'
import { amplification, expectClose, search, unless, type Law } from './law.js'
import { perfectDenoiser, twoPeaks } from './problem.js'
import { anyParameterisation, journeyOf, latents, pathNames, settings } from './setting.js'

/** Coefficients are finite from pure noise to data, whatever the model predicts. */
export const finite: Law = {
  statement: 'every coefficient is finite, at both ends of every path and for every parameterisation',
  concerns: () => true,
  refute: (solver, _, effort) =>
    search(
      fc.record({ setting: settings, parameterisation: anyParameterisation }),
      effort,
      ({ setting, parameterisation }) => {
        const { path, points } = journeyOf(setting)
        const { evaluations } = program(solver, path, parameterisation, points)
        for (const { at, mix } of evaluations)
          if (!mix.every(Number.isFinite))
            throw new Error(`at timestep ${at.timestep} the mix is [${mix.join(', ')}]`)
      },
    ),
}

/** If the model always sees the same clean image behind the noise, the latent stays exactly on the path to it. */
export const constantData: Law = {
  statement:
    'a constant data prediction is followed exactly: the end is alpha·x0 + sigma·epsilon with the same epsilon',
  concerns: (solver) => !solver.stochastic,
  refute: (solver, executor, effort) =>
    search(
      fc.record({ setting: settings, x0: latents, epsilon: latents }),
      effort,
      ({ setting, x0, epsilon }) => {
        const { path, points } = journeyOf(setting)
        const noised = points.map(({ alpha, sigma }) =>
          Float64Array.from(x0, (x, i) => alpha * x + sigma * epsilon[i]),
        )
        const steps = program(solver, path, 'sample', points)
        const end = executor(steps, () => Float64Array.from(x0), noised[0])
        expectClose(end, noised[noised.length - 1], 1e-11 * (99 + amplification(steps)), 'the end')
      },
    ),
}

/** Fresh noise replaces exactly what was forgotten. */
export const marginal: Law = {
  statement:
    'with no data in the latent and none predicted, the end has variance sigma²: as much noise is drawn as was forgotten',
  concerns: () => true,
  refute: (solver, executor, effort) =>
    search(settings, effort, (setting) => {
      const { path, points } = journeyOf(setting)
      const steps = program(solver, path, 'sample', points)
      /** The end's share of one source of noise: the initial latent's (−1) or an evaluation's. */
      const share = (source: number): number => {
        let evaluation = -1
        const [end] = executor(
          steps,
          () => Float64Array.of(0),
          Float64Array.of(source < 0 ? points[0].sigma : 0),
          () => Float64Array.of(++evaluation === source ? 1 : 0),
        )
        return end
      }
      const variance = [-1, ...steps.evaluations.keys()].reduce((sum, source) => sum + share(source) ** 2, 0)
      expectClose(
        [variance],
        [points[points.length - 1].sigma ** 2],
        1e-9 * amplification(steps),
        'the variance',
      )
    }),
}

/** Stretching and shifting the data stretches and shifts the trajectory. */
export const affine: Law = {
  statement:
    'affine equivariance: for data c·x0 + b the trajectory from c·x + alpha·b ends at c·end + alpha·b',
  concerns: () => true,
  refute: (solver, executor, effort) =>
    search(
      fc.record({
        setting: settings,
        x: latents,
        c: fc.constantFrom(-2, 0.5, 3),
        b: fc.constantFrom(-1, 0.5),
      }),
      effort,
      ({ setting, x, c, b }) => {
        const { path, points } = journeyOf(setting)
        const last = points[points.length - 1]
        const data = perfectDenoiser(twoPeaks, 'sample')
        const steps = program(solver, path, 'sample', points)
        const noise = () => Float64Array.from(x, (_, i) => Math.cos(i))
        const end = executor(steps, data, Float64Array.from(x), noise)
        const moved = executor(
          steps,
          (latent, at) =>
            data(
              latent.map((v) => (v - at.alpha * b) / c),
              at,
            ).map((v) => c * v + b),
          Float64Array.from(x, (v) => c * v + points[0].alpha * b),
          () => noise().map((v) => c * v),
        )
        expectClose(
          moved,
          end.map((v) => c * v + last.alpha * b),
          1e-9 * amplification(steps),
          'the moved end',
        )
      },
    ),
}

/** Short steps, also those with a history, follow the slope of the ODE. */
export const consistency: Law = {
  statement:
    'over short steps the latent changes by x0 for alpha and epsilon for sigma, and so not at all over none',
  concerns: (solver) => !solver.stochastic,
  refute: (solver, executor, effort) =>
    search(
      fc.record({ path: pathNames, timestep: fc.integer({ min: 50, max: 950 }), x: latents }),
      effort,
      ({ path: name, timestep, x }) => {
        const { path, points } = journeyOf({ path: name, timesteps: [timestep], toClean: false })
        const [from] = points
        const short = [0, 1, 2, 3, 4].map((i) => path.at(timestep - i / 1000))
        const to = short[short.length - 1]
        const steps = program(solver, path, 'sample', short)
        const end = executor(steps, perfectDenoiser(twoPeaks, 'sample'), Float64Array.from(x))
        const [x0, epsilon] = (['sample', 'epsilon'] as const).map((p) =>
          perfectDenoiser(twoPeaks, p)(Float64Array.from(x), from),
        )
        // What is left is of second order in the steps; epsilon and x0 are at most about 10.
        const scale = Math.abs(to.alpha - from.alpha) + Math.abs(to.sigma - from.sigma)
        x.forEach((xi, i) => {
          const change = (to.alpha - from.alpha) * x0[i] + (to.sigma - from.sigma) * epsilon[i]
          if (!(Math.abs(end[i] - xi - change) <= 0.01 * scale))
            throw new Error(`the latent changes by ${end[i] - xi} where it should by ${change}`)
        })
      },
    ),
}

/** The same model, said in other words, gives the same trajectory. */
export const parameterisation: Law = {
  statement: 'the trajectory does not depend on whether the model predicts noise, data, velocity or v',
  concerns: () => true,
  refute: (solver, executor, effort) =>
    search(
      fc.record({ setting: settings, x: latents, predicts: anyParameterisation }),
      effort,
      ({ setting, x, predicts }) => {
        const { path, points } = journeyOf(setting)
        unless(points[0].alpha === 0)
        const noise = () => Float64Array.from(x, (_, i) => Math.cos(i))
        const [end, other] = (['sample', predicts] as const).map((p) => {
          const steps = program(solver, path, p, points)
          return { steps, end: executor(steps, perfectDenoiser(twoPeaks, p), Float64Array.from(x), noise) }
        })
        const tolerance =
          (1e-9 * Math.max(amplification(end.steps), amplification(other.steps))) / points[0].alpha
        expectClose(other.end, end.end, tolerance, `the end for ${predicts}`)
      },
    ),
}
