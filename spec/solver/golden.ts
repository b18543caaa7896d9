import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { perfectDenoiser, type Mixture } from '../../lib/laws/index.js'
import type { Path, Point } from '../../lib/path/index.js'
import { execute, program, type Solver } from '../../lib/solver/index.js'
import type { Parameterisation } from '../../lib/types/index.js'

/** The data behind the reference denoisers of the fixtures. */
export const gauss: Mixture = { w: [1], m: [0.4], s: [0.6] }
export const twoPeaks: Mixture = { w: [0.35, 0.65], m: [-1.1, 0.8], s: [0.25, 0.4] }

export type Space = 'vp' | 've' | 'flow'

/** A recorded trajectory of a reference implementation, whatever file it came from. */
export type Recorded = {
  readonly id: string
  readonly points: ReadonlyArray<Point>
  /** The coordinates of `x` and `states`; `ve` is x / alpha. */
  readonly space: Space
  readonly parameterisation: Parameterisation
  readonly mixture: Mixture
  readonly x: ReadonlyArray<number>
  /** The latent each evaluation but the first was asked about, then the result. */
  readonly states: ReadonlyArray<ReadonlyArray<number>>
}

/** A fixture file; what is in it is described in spec/fixtures/solvers/README.md, and callers say so by a type. */
export const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/solvers/${name}.json`, import.meta.url), 'utf8'))

export const mixtures: Readonly<Record<string, Mixture>> = { gauss_1: gauss, gmm_1: twoPeaks }

export const parameterisationOf = (pred: string): Parameterisation =>
  pred === 'flow' ? 'flow_matching' : pred === 'epsilon' || pred === 'v_prediction' ? pred : 'sample'

/** A point from a scheduler's sigma: sigma / alpha on a variance-preserving path, sigma itself on the flow path. */
export const pointOf = (space: Space, sigma: number, timestep = 0): Point => {
  if (space === 'flow') return { timestep, alpha: 1 - sigma, sigma }
  const alpha = 1 / Math.sqrt(1 + sigma * sigma)
  return { timestep, alpha, sigma: sigma * alpha }
}

/** The largest |difference| / max(1, |x|) over all states of a program's execution; states beyond the program's must repeat its last. */
export const deviation = (solver: Solver, path: Path, recorded: Recorded, ahead?: number): number => {
  const { points, space, parameterisation, mixture, x, states } = recorded
  const steps = program(solver, path, parameterisation, points, ahead)
  const natural = (values: ReadonlyArray<number>, at: Point) =>
    Float64Array.from(values, (v) => (space === 've' ? v * at.alpha : v))
  const model = perfectDenoiser(mixture, parameterisation)
  const asked: Array<Float64Array> = []
  const result = execute(
    steps,
    (latent, at) => {
      asked.push(latent)
      return model(latent, at)
    },
    natural(x, points[0]),
  )
  const ours = [...asked.slice(1), result]
  const ats = [...steps.evaluations.slice(1).map((evaluation) => evaluation.at), points[points.length - 1]]
  expect(ours.length).toBeLessThanOrEqual(states.length)
  let worst = 0
  states.forEach((state, i) => {
    const last = Math.min(i, ours.length - 1)
    const expected = natural(state, ats[last])
    expected.forEach((value, j) => {
      const difference = Math.abs(value - ours[last][j]) / Math.max(1, Math.abs(value))
      worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference)
    })
  })
  return worst
}

/** Compare many trajectories, expecting 1e-9, and say how well it went when asked to (GOLDEN=1). */
export const agree = (
  label: string,
  deviations: ReadonlyArray<readonly [id: string, deviation: number]>,
): void => {
  const worst = deviations.reduce((most, [, deviation]) => Math.max(most, deviation), 0)
  if (process.env.GOLDEN !== undefined)
    process.stdout.write(
      `${label}: ${deviations.length} trajectories, largest relative difference ${worst.toExponential(1)}\n`,
    )
  expect(deviations.length).toBeGreaterThan(0)
  expect(deviations.filter(([, deviation]) => !(deviation <= 1e-9))).toEqual([])
}
