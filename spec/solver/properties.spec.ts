import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arraySpace } from '../../lib/algebra/index.js'
import { ddpm, flow, type Path, type Point } from '../../lib/path/index.js'
import {
  drive,
  execute,
  leading,
  linspace,
  program,
  route,
  solvers,
  trailing,
  unitSteps,
  unipc,
  dpm,
  type Solver,
} from '../../lib/solver/index.js'
import { parameterisations } from '../../lib/types/index.js'
import { gauss, perfect, twoPeaks } from './golden.js'

const catalogue: ReadonlyArray<readonly [label: string, solver: Solver]> = [
  ...Object.values(solvers).flatMap((make) =>
    make.orders.map((order) => {
      const solver = make({ order })
      return [make.orders.length > 1 ? `${solver.name} of order ${order}` : solver.name, solver] as const
    }),
  ),
  ['unipc bh1', unipc({ order: 2, variant: 'bh1' })],
  ['unipc of order 1, bh1', unipc({ order: 1, variant: 'bh1' })],
  ['unipc solved', unipc({ order: 2, rho: 'solved' })],
  ['unip', unipc({ order: 3, corrector: false })],
  ['unipc on noise', unipc({ order: 2, interpolated: 'noise' })],
  ['dpm heun', dpm({ order: 2, type: 'heun' })],
  ['dpm on noise', dpm({ order: 2, interpolated: 'noise' })],
  ['dpm never lowered', dpm({ order: 3, lowerBelow: 0 })],
]

const straight = flow()
const variance = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
const zeroSnr = ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })
const paths: ReadonlyArray<Path> = [straight, variance, zeroSnr]

type Journey = { readonly path: Path; readonly points: ReadonlyArray<Point> }

/** Whole grids down to clean data, rollouts in the middle, and irregular grids. */
const journey: fc.Arbitrary<Journey> = fc.constantFrom(...paths).chain((path) =>
  fc
    .oneof(
      fc
        .tuple(fc.constantFrom(trailing, leading, linspace), fc.integer({ min: 1, max: 12 }))
        .map(([grid, n]) => grid(path, n)),
      fc
        .tuple(fc.integer({ min: 0, max: 980 }), fc.integer({ min: 0, max: 19 }))
        .map(([to, k]) => unitSteps(path, to + k, to)),
      fc
        .uniqueArray(fc.integer({ min: 1, max: path.noisiest.timestep }), { minLength: 1, maxLength: 8 })
        .map((ts) => [...ts.sort((a, b) => b - a).map(path.at), path.clean]),
    )
    .map((points) => ({ path, points })),
)

const latent = fc
  .array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 4, maxLength: 4 })
  .map((xs) => Float64Array.from(xs))

const distance = (x: Float64Array, y: Float64Array): number =>
  x.reduce((most, xi, i) => Math.max(most, Math.abs(xi - y[i]) / Math.max(1, Math.abs(xi))), 0)

describe.each(catalogue)('%s', (_, solver) => {
  it('has finite coefficients everywhere, for every parameterisation', () => {
    fc.assert(
      fc.property(journey, fc.constantFrom(...parameterisations), ({ path, points }, parameterisation) => {
        const { evaluations, registers } = program(solver, path, parameterisation, points)
        for (const { mix } of evaluations) {
          expect(mix.length).toBe(registers * (registers + (solver.stochastic ? 2 : 1)))
          expect(mix.every(Number.isFinite)).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('means the same as a program and as a generator run directly', () => {
    fc.assert(
      fc.property(
        journey,
        fc.constantFrom(...parameterisations),
        latent,
        ({ path, points }, parameterisation, x) => {
          // An epsilon model knows nothing of the data at alpha = 0: what is read from it there is of the order 4096.
          fc.pre(parameterisation !== 'epsilon' || points[0].alpha > 0)
          const model = perfect(twoPeaks, parameterisation)
          const noise = () => x.map((xi) => Math.sin(7 * xi))
          const direct = drive(solver, route(path, points), x, {
            space: arraySpace,
            parameterisation,
            model,
            noise,
          })
          expect(
            distance(execute(program(solver, path, parameterisation, points), model, x, noise), direct),
          ).toBeLessThan(1e-9)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('reproduces a constant data prediction exactly', () => {
    if (solver.stochastic) return
    fc.assert(
      fc.property(journey, latent, latent, ({ path, points }, x0, noise) => {
        const noised = (at: Point) => x0.map((x, i) => at.alpha * x + at.sigma * noise[i])
        const steps = program(solver, path, 'sample', points)
        const result = execute(steps, () => x0, noised(points[0]))
        // A long step after short ones extrapolates with huge weights, whose rounding shows.
        const largest = Math.max(1, ...steps.evaluations.flatMap(({ mix }) => [...mix].map(Math.abs)))
        expect(distance(result, noised(points[points.length - 1]))).toBeLessThan(1e-11 * (99 + largest))
      }),
      { numRuns: 60 },
    )
  })

  it('keeps as much noise as the path has, where noise is drawn afresh', () => {
    fc.assert(
      fc.property(journey, ({ path, points }) => {
        // With nothing but noise in the latent and none predicted as data, the end has the variance sigma², whatever was drawn when.
        fc.pre(points.length > 1)
        const { evaluations } = program(solver, path, 'sample', points)
        const part = (drawn: number): number => {
          let evaluation = -1
          const [end] = execute(
            program(solver, path, 'sample', points),
            () => Float64Array.of(0),
            Float64Array.of(drawn < 0 ? points[0].sigma : 0),
            () => Float64Array.of(++evaluation === drawn ? 1 : 0),
          )
          return end
        }
        const variance = [-1, ...evaluations.keys()].reduce((sum, drawn) => sum + part(drawn) ** 2, 0)
        expect(Math.abs(variance - points[points.length - 1].sigma ** 2)).toBeLessThan(1e-9)
      }),
      { numRuns: 30 },
    )
  })

  it('gives the same trajectory for the same denoiser in any parameterisation', () => {
    fc.assert(
      fc.property(journey, latent, ({ path, points }, x) => {
        fc.pre(points[0].alpha > 0)
        const results = parameterisations.map((p) =>
          execute(program(solver, path, p, points), perfect(gauss, p), x),
        )
        for (const result of results) expect(distance(result, results[0])).toBeLessThan(1e-7)
      }),
      { numRuns: 40 },
    )
  })

  it('makes no step of no length', () => {
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.integer({ min: 0, max: 999 }), (path, t) => {
        const at = path.at(t)
        const empty = { registers: 1, noise: solver.stochastic, evaluations: [] }
        expect(program(solver, path, 'v_prediction', [at, at])).toEqual(empty)
        expect(program(solver, path, 'v_prediction', [at])).toEqual(empty)
        expect(program(solver, path, 'v_prediction', [])).toEqual(empty)
      }),
      { numRuns: 20 },
    )
  })

  it('asks first about the latent it was given, and always on the way', () => {
    fc.assert(
      fc.property(journey, ({ path, points }) => {
        const { evaluations } = program(solver, path, 'v_prediction', points)
        for (const { at } of evaluations) {
          expect(at.sigma).toBeGreaterThan(0)
          expect(at.timestep).toBeLessThanOrEqual(points[0].timestep)
          expect(at.timestep).toBeGreaterThanOrEqual(points[points.length - 1].timestep)
        }
        if (evaluations.length > 0) expect(evaluations[0].at).toEqual(points[0])
      }),
      { numRuns: 40 },
    )
  })
})
