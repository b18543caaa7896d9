import {
  type Course,
  courseProgram,
  courses,
  joinTallies,
  measureBatch,
  type Measurement,
  measurementOf,
  type Meter,
  meters,
  noiseOf,
  type Tallies,
} from 'deriva/measure'
import { ddpm, flow, type Path, target } from 'deriva/path'
import { normal } from 'deriva/random'
import type { Denoiser } from 'deriva/rollout'
import { euler, heun, karras, shifted, solverNames, solvers, trailing, unipc } from 'deriva/solver'
import { type Batch, float32, type Parameterisation, type Tensor } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'

const shape = [1, 4, 4]
const elements = 16
const seed = 3
const vp = ddpm({ betaSchedule: 'squaredcos_cap_v2' })

/** Samples that carry their own data and noise along, for denoisers that know the answer. */
const batchOf = (first: number, count: number): Batch => {
  const ids = Uint32Array.from({ length: count }, (_, i) => first + i)
  const x0 = new Float32Array(count * elements)
  ids.forEach((sample, i) => {
    normal({ seed: 9, purpose: 'data', step: 0, sample }, x0, i * elements, elements)
  })
  const bare = { ids, x0, shape, conditioning: {} }
  return {
    ...bare,
    conditioning: {
      x0: float32([count, elements], x0),
      noise: float32([count, elements], noiseOf(bare, seed)),
    },
  }
}

const numbers = (tensor: Tensor | undefined): Float32Array => {
  if (tensor?.type !== 'float32') throw new Error('not float32')
  return tensor.data
}

/** Says what the path's own data and noise make of it, plus `wrong` of the latent and the ideal latent. */
const oracle = <P extends Parameterisation>(
  parameterisation: P,
  path: Path,
  wrong: (e: number, x: number, ideal: number) => number = () => 0,
): Denoiser<P> & { readonly calls: ReadonlyArray<number> } => {
  const calls: Array<number> = []
  return {
    parameterisation,
    calls,
    predict: (latents, timesteps, given) => {
      calls.push(timesteps.length)
      const [x0, noise] = [numbers(given['x0']), numbers(given['noise'])]
      return TE.right(
        latents.map((x, e) => {
          const at = path.at(timesteps[Math.floor(e / elements)])
          const due = target(parameterisation, at)
          return due.x0 * x0[e] + due.epsilon * noise[e] + wrong(e, x, at.alpha * x0[e] + at.sigma * noise[e])
        }),
      )
    },
  }
}

const rightOf = <A>(either: E.Either<unknown, A>): A => {
  if (E.isLeft(either)) throw new Error(JSON.stringify(either.left))
  return either.right
}

const measured = async <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  path: Path,
  along: ReadonlyArray<Course>,
  groups = 4,
  each = 6,
): Promise<Measurement> => {
  const options = { path, courses: along, seed }
  const tallies: Array<Tallies> = []
  for (let g = 0; g < groups; g++)
    tallies.push(rightOf(await measureBatch(denoiser, options)(batchOf(g * each, each))()))
  return measurementOf(options, tallies)
}

const along = (path: Path, starts: ReadonlyArray<'noise' | number>): ReadonlyArray<Course> =>
  courses({
    path,
    solvers: [
      { name: 'euler', solver: euler() },
      { name: 'unipc', solver: unipc({ order: 2 }) },
    ],
    grids: [trailing(path, 5)],
    starts,
  })

describe('courses', () => {
  it.each(solverNames)('see every point of the grid once, in order: %s', (name) => {
    for (const path of [flow(), vp]) {
      const [orders] = [solvers[name].orders]
      for (const order of orders)
        for (const course of courses({
          path,
          solvers: [{ name, solver: solvers[name]({ order }) }],
          grids: [trailing(path, 7)],
          starts: ['noise', 480],
        })) {
          const { points, program } = courseProgram(path, course, 'v_prediction')
          expect([...points.values()]).toEqual(course.grid.slice(0, -1).map((_, i) => i))
          for (const [evaluation, point] of points)
            expect(program.evaluations[evaluation].at.sigma).toBe(course.grid[point].sigma)
        }
    }
  })

  it('from a timestep go there first, then along the grid of inference', () => {
    const path = flow()
    const [course] = courses({
      path,
      solvers: [{ name: 'heun', solver: heun() }],
      grids: [trailing(path, 4)],
      starts: [600],
    })
    expect(course.grid.map(({ timestep }) => timestep)).toEqual([600, 500, 250, 0])
    expect(course.steps).toBe(4)
  })
})

describe('a measurement', () => {
  const cases: ReadonlyArray<readonly [Parameterisation, Path]> = [
    ['flow_matching', flow()],
    ['epsilon', vp],
    ['v_prediction', vp],
    ['sample', vp],
  ]

  it.each(cases)('finds nothing in a model that knows the answer: %s', async (parameterisation, path) => {
    const { courses: found, samples } = await measured(
      oracle(parameterisation, path),
      path,
      along(path, [700, 300]),
    )
    expect(samples).toBe(24)
    expect(found).toHaveLength(4)
    for (const { points, start } of found) {
      expect(points[0].timestep).toBe(start)
      for (const { sigma, meters: m, spectrum } of points) {
        for (const meter of ['drift', 'drift_low', 'drift_high', 'distance'] as const)
          expect(m[meter].value).toBeLessThan(2e-6)
        // A picture of 4 × 4 has no frequencies in some bands.
        expect(Math.max(...spectrum.filter(Number.isFinite))).toBeLessThan(2e-6)
        expect(Math.abs(m.slowness.value)).toBeLessThan(0.1)
        expect(m.variance.value).toBeCloseTo(1, 5)
        expect(m.high_power.value).toBeCloseTo(1, 5)
        if (sigma > 0) {
          expect(m.cosine.value).toBeCloseTo(1, 6)
          expect(m.bias.value).toBeLessThan(1e-6)
          expect(m.sampling_norm.value).toBeCloseTo(m.training_norm.value, 6)
          expect(m.snr_shift.value).toBeCloseTo(0, 5)
        } else {
          // Nobody asks the model anything at the end.
          expect([m.bias.value, m.training_norm.value]).toEqual([NaN, NaN])
        }
      }
    }
  })

  it('follows a constant mistake of the velocity: a drift that grows with the way, the same for all', async () => {
    const mistake = (e: number): number => [0.1, -0.2, 0, 0.3][e % 4]
    const length = Math.sqrt(4 * (0.01 + 0.04 + 0.09))
    const path = flow()
    const [course] = (await measured(oracle('flow_matching', path, mistake), path, along(path, [800])))
      .courses
    for (const { sigma, meters: m } of course.points) {
      expect(m.distance.value).toBeCloseTo((0.8 - sigma) * length, 5)
      expect(m.distance.high - m.distance.low).toBeLessThan(1e-5)
      if (sigma < 0.8) expect(m.systematic.value).toBeCloseTo(1, 5)
      if (sigma > 0) expect(m.bias.value).toBeCloseTo(0, 6)
      expect(m.variance.value).toBeCloseTo(1, 4)
    }
  })

  it('sees one-step bias, its gain and its direction where the model answers to the drift itself', async () => {
    // out(x̂) = v + 0.5·(x̂ − x) + a mistake, so out(x̂) − out(x) is half the drift.
    const path = flow()
    const denoiser = oracle(
      'flow_matching',
      path,
      (e, x, ideal) => 0.5 * (x - ideal) + (e % 2 === 0 ? 0.2 : 0),
    )
    const [course] = (await measured(denoiser, path, along(path, [800]))).courses
    for (const { sigma, meters: m } of course.points.slice(1)) {
      if (sigma === 0) continue
      expect(m.gain.value).toBeCloseTo(0.5, 4)
      expect(m.bias.value).toBeGreaterThan(0)
      expect(m.cosine.value).toBeLessThan(1)
    }
  })

  it('has slow trajectories where the model undershoots, and blurred ones where it forgets', async () => {
    const path = flow()
    // Walks only nine tenths of the way: every latent looks like one of a noisier time, by a closed form.
    const lazy: Denoiser<'flow_matching'> = {
      parameterisation: 'flow_matching',
      predict: (x, t, given) =>
        TE.map((v: Float32Array) => v.map((e) => 0.9 * e))(
          oracle('flow_matching', path).predict(x, t, given),
        ),
    }
    const slow = (await measured(lazy, path, along(path, [800]))).courses[0]
    for (const { timestep, meters: m } of slow.points)
      expect(m.slowness.value).toBeCloseTo(0.1 * (800 - timestep), 2)

    const mean: Denoiser<'sample'> = {
      parameterisation: 'sample',
      predict: (x) => TE.right(new Float32Array(x.length)),
    }
    const dull = (await measured(mean, path, along(path, [800]))).courses[0]
    const last = dull.points.at(-1)?.meters
    expect(last?.variance.value).toBeCloseTo(0, 6)
    expect(last?.high_power.value).toBeCloseTo(0, 6)
    expect(last?.drift.value).toBeCloseTo(1, 5)
  })

  it('of pure noise has residuals that hold the variance of the data as well', async () => {
    const { courses: found } = await measured(oracle('sample', vp), vp, along(vp, ['noise']), 8, 40)
    const [first] = found[0].points
    // The start leaves alpha·x0 out, so that the residual is sigma·ε − alpha·x0, of variance sigma² + alpha².
    expect(Math.abs(first.meters.excess_spread.value)).toBeLessThan(0.03)
    expect(first.meters.variance_error.value).toBeLessThan(1e-3)
  })

  it('shares evaluations: the trajectories’ own, and one at each ideal point', async () => {
    const path = flow()
    const denoiser = oracle('flow_matching', path)
    const options = { path, courses: along(path, ['noise', 600]), seed }
    rightOf(await measureBatch(denoiser, options)(batchOf(0, 2))())
    // 2 solvers · (5 from noise + 3 from 600), and the ideal latents of 1000, 800, 600, 400, 200.
    expect(denoiser.calls).toHaveLength(2 * (5 + 3) + 5)
    expect(denoiser.calls.every((count) => count === 2)).toBe(true)
  })

  it('does not depend on how samples are put into batches', async () => {
    const path = flow()
    const denoiser = oracle('flow_matching', path, (_, x) => 0.1 * Math.tanh(x))
    const options = { path, courses: along(path, [500]), seed }
    const tally = async (first: number, count: number): Promise<Tallies> =>
      rightOf(await measureBatch(denoiser, options)(batchOf(first, count))())
    const one = measurementOf(options, [await tally(0, 6)])
    const three = measurementOf(options, [
      joinTallies(joinTallies(await tally(0, 1), await tally(1, 2)), await tally(3, 3)),
    ])
    one.courses.forEach((course, c) => {
      course.points.forEach((point, p) => {
        for (const meter of meters)
          same(point.meters[meter].value, three.courses[c].points[p].meters[meter].value)
      })
    })
  })

  it('is the same again for the same seed, with fresh noise in the solver too', async () => {
    const path = flow()
    const stochastic = courses({
      path,
      solvers: [{ name: 'euler_ancestral', solver: solvers.euler_ancestral({ order: 1 }) }],
      grids: [trailing(path, 4)],
      starts: ['noise', 500],
    })
    const [a, b] = [
      await measured(oracle('flow_matching', path), path, stochastic),
      await measured(oracle('flow_matching', path), path, stochastic),
    ]
    expect(a).toEqual(b)
    expect(meterAt(a, 'drift')).toBeGreaterThan(0.01)
  })

  it('asks at the ideal latents of every level, also where several share the last timestep of the grid', async () => {
    const grid = shifted(vp, karras(vp, 12), 0.01)
    expect(grid.slice(0, -1).filter(({ timestep }) => timestep === 0).length).toBeGreaterThan(1)
    const solver = { name: 'euler', solver: euler() }
    const options = {
      path: vp,
      courses: courses({ path: vp, solvers: [solver], grids: [grid], starts: ['noise'] }),
      seed,
    }
    const doubling: Denoiser<'sample'> = {
      parameterisation: 'sample',
      predict: (latents) => TE.right(latents.map((x) => 2 * x)),
    }
    const tallies = rightOf(await measureBatch(doubling, options)(batchOf(0, 4))())
    for (const { meters: seen } of measurementOf(options, [tallies]).courses[0].points.slice(0, -1))
      expect(seen.bias.value / seen.drift.value).toBeCloseTo(1, 5)
  })

  it('ends with the failure of the denoiser', async () => {
    const failure = { _tag: 'EngineError', message: 'out of memory' } as const
    const denoiser: Denoiser<'flow_matching'> = {
      parameterisation: 'flow_matching',
      predict: () => TE.left(failure),
    }
    const path = flow()
    expect(
      await measureBatch(denoiser, { path, courses: along(path, [500]), seed })(batchOf(0, 1))(),
    ).toEqual(E.left(failure))
  })
})

const same = (a: number, b: number): void => {
  if (Number.isNaN(a)) expect(b).toBeNaN()
  else expect(b).toBeCloseTo(a, 8)
}

const meterAt = ({ courses: found }: Measurement, meter: Meter): number =>
  Math.max(...found[0].points.map(({ meters: m }) => m[meter].value))
