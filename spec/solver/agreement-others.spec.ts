import { describe, it } from 'vitest'
import * as E from 'fp-ts/lib/Either.js'
import { ddpm, flow } from '../../lib/path/index.js'
import {
  adams,
  dpm,
  dpm2,
  euler,
  heun,
  rungeKutta,
  tableau,
  unipc,
  type Coefficients,
  type Solver,
} from '../../lib/solver/index.js'
import {
  agree,
  deviation,
  fixture,
  mixtures,
  parameterisationOf,
  pointOf,
  type Recorded,
  type Space,
} from './golden.js'

type Triple = readonly [timestep: number, sigma: number, alpha: number]
type States = ReadonlyArray<ReadonlyArray<number>>

const flowPath = flow()
const ddpmPath = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })

const pointsOf = (grid: ReadonlyArray<Triple>) =>
  grid.map(([timestep, sigma, alpha]) => ({ timestep, alpha, sigma }))

type SkrampleRun = {
  readonly id: string
  readonly sampler: string
  readonly order: number
  readonly opts: {
    readonly order: number
    readonly derivative_transform: string | null
    readonly fast_solve?: boolean
  }
  readonly schedule: string
  readonly space: Space
  readonly pred: string
  readonly model: string
  readonly tableau: string
  readonly x_init: ReadonlyArray<number>
  readonly grid_timestep_sigma_alpha: ReadonlyArray<Triple>
  readonly eval_x: States
  readonly evals_after_step: ReadonlyArray<number>
  readonly target_t: number
  readonly x: States
}

const skrample = (file: string) =>
  fixture(file) as {
    readonly trajectories: ReadonlyArray<SkrampleRun>
    readonly tableaux: Readonly<Record<string, Coefficients>>
  }

const skrampleRecorded = (run: SkrampleRun, states: States = run.x): Recorded => ({
  id: run.id,
  points: pointsOf(run.grid_timestep_sigma_alpha),
  space: 'vp',
  parameterisation: parameterisationOf(run.pred),
  mixture: mixtures[run.model],
  x: run.x_init,
  states,
})

/** skrample solves for every rho unless told to hurry; it lowers the order at the end of every grid. */
const skrampleSolver = (name: string, order: number, hurried = false): Solver => {
  const rho = hurried ? 'paper' : 'solved'
  if (name === 'UniPC' || name === 'UniP') return unipc({ order, rho, corrector: name === 'UniPC' })
  if (name === 'DPM') return dpm({ order: order === 1 || order === 3 ? order : 2, lowerBelow: Infinity })
  return euler()
}

/**
 * Starting where no data is left (alpha = 0), skrample puts the first prediction at the present in the system for rho, marked there
 * as an open question; the limit drops it from the system. The two differ as soon as it would take part.
 */
const startsBeyondReach = ({
  sampler,
  opts,
  grid_timestep_sigma_alpha: [[, , alpha]],
}: SkrampleRun): boolean =>
  alpha === 0 && ((sampler === 'UniP' && opts.order > 2) || (sampler === 'UniPC' && opts.order > 1))

describe('agreement with skrample', () => {
  it('Euler, DPM, UniP and UniPC with data predictions', () => {
    for (const file of ['traj-skrample-unip-unipc', 'traj-skrample-euler-dpm-adams'])
      agree(
        file,
        skrample(file)
          .trajectories.filter(
            (run) =>
              run.sampler !== 'Adams' &&
              (run.opts.derivative_transform !== null || run.opts.order === 1) &&
              !startsBeyondReach(run),
          )
          .map((run) => [
            run.id,
            deviation(
              skrampleSolver(run.sampler, run.opts.order, run.opts.fast_solve),
              run.pred === 'flow' ? flowPath : ddpmPath,
              skrampleRecorded(run),
              0,
            ),
          ]),
      )
  })

  it('Adams with the weights of even steps', () => {
    agree(
      'traj-skrample-euler-dpm-adams (Adams)',
      skrample('traj-skrample-euler-dpm-adams')
        .trajectories.filter(({ sampler, opts }) => sampler === 'Adams' && opts.derivative_transform === null)
        .map((run) => [
          run.id,
          deviation(
            adams({ order: run.opts.order, weighing: 'even', lowerBelow: Infinity }),
            run.pred === 'flow' ? flowPath : ddpmPath,
            skrampleRecorded(run),
            0,
          ),
        ]),
    )
  })

  it('unit steps in the middle of the grid', () => {
    agree(
      'partial-skrample',
      skrample('partial-skrample').trajectories.map((run) => [
        run.id,
        deviation(
          skrampleSolver(run.sampler, run.order),
          run.pred === 'flow' ? flowPath : ddpmPath,
          skrampleRecorded(run),
          run.pred === 'flow' ? run.target_t : run.target_t + 1,
        ),
      ]),
    )
  })

  it('Runge–Kutta on the straight path, stage by stage', () => {
    const { trajectories, tableaux } = skrample('traj-skrample-rk')
    agree(
      'traj-skrample-rk (Linear)',
      trajectories
        .filter(({ schedule, opts }) => schedule === 'Linear' && opts.derivative_transform === null)
        .map((run) => {
          const method = tableau(run.tableau, tableaux[run.tableau])
          if (E.isLeft(method)) throw new Error(method.left.message)
          const recorded = skrampleRecorded(run, [...run.eval_x.slice(1), run.x[run.x.length - 1]])
          return [run.id, deviation(rungeKutta(method.right), flowPath, recorded)]
        }),
    )
  })
})

type KdiffusionRun = {
  readonly id: string
  readonly fn: string
  readonly opts: { readonly order?: number }
  readonly sigmas: ReadonlyArray<number>
  readonly model: string
  readonly x_init: ReadonlyArray<number>
  readonly eval_x: States
  readonly x: States
}

describe('agreement with k-diffusion', () => {
  const solvers: Readonly<Record<string, Solver>> = {
    sample_euler: euler(),
    sample_heun: heun(),
    sample_dpm_2: dpm2(),
    sample_dpmpp_2m: dpm({ order: 2, lowerBelow: 0 }),
  }
  const { trajectories } = fixture('traj-kdiffusion') as { trajectories: ReadonlyArray<KdiffusionRun> }
  const solverOf = ({ fn, opts }: KdiffusionRun): Solver =>
    fn === 'sample_lms' ? adams({ order: opts.order ?? 4 }) : solvers[fn]
  it.each([...Object.keys(solvers), 'sample_lms'])('%s', (fn) => {
    agree(
      `traj-kdiffusion ${fn}`,
      trajectories
        .filter((run) => run.fn === fn)
        .map((run) => {
          const recorded: Recorded = {
            id: run.id,
            points: run.sigmas.map((sigma) => pointOf('ve', sigma)),
            space: 've',
            parameterisation: 'sample',
            mixture: mixtures[run.model],
            x: run.x_init,
            states: [...run.eval_x.slice(1), run.x[run.x.length - 1]],
          }
          return [run.id, deviation(solverOf(run), ddpmPath, recorded)]
        }),
    )
  })
})

type OriginalRun = {
  readonly id: string
  readonly repo: 'dpm' | 'unipc'
  readonly ctor: { readonly algorithm_type: string; readonly variant?: string }
  readonly sample_opts: {
    readonly steps: number
    readonly order: number
    readonly method?: string
    readonly solver_type?: string
    readonly lower_order_final?: boolean
  }
  readonly model: string
  readonly x_init: ReadonlyArray<number>
  readonly grid_t_sigma_alpha: ReadonlyArray<Triple>
  readonly eval_x: States
  readonly x: States
}

describe("agreement with the papers' own code", () => {
  const { trajectories } = fixture('traj-original-dpmsolver-unipc') as {
    trajectories: ReadonlyArray<OriginalRun>
  }
  const interpolatedOf = ({ ctor }: OriginalRun) =>
    ctor.algorithm_type === 'dpmsolver' || ctor.algorithm_type === 'noise_prediction' ? 'noise' : 'data'
  const recordedOf = (run: OriginalRun): Recorded => ({
    id: run.id,
    points: pointsOf(run.grid_t_sigma_alpha),
    space: 'vp',
    parameterisation: 'epsilon',
    mixture: mixtures[run.model],
    x: run.x_init,
    states: [...run.eval_x.slice(1), run.x[run.x.length - 1]],
  })
  it('DPM-Solver and DPM-Solver++ multistep', () => {
    agree(
      'traj-original-dpmsolver-unipc dpm',
      trajectories
        .filter(({ repo, sample_opts }) => repo === 'dpm' && sample_opts.method === 'multistep')
        .map((run) => {
          const { order, solver_type, lower_order_final } = run.sample_opts
          const solver = dpm({
            order: order === 1 || order === 3 ? order : 2,
            type: solver_type === 'taylor' ? 'heun' : 'midpoint',
            interpolated: interpolatedOf(run),
            lowerBelow: lower_order_final === false ? 0 : 10,
          })
          return [run.id, deviation(solver, ddpmPath, recordedOf(run), 0)]
        }),
    )
  })
  it('UniPC', () => {
    agree(
      'traj-original-dpmsolver-unipc unipc',
      trajectories
        // With varying coefficients the corrector adds only the last of the terms in its newest difference: right at order 1 alone.
        .filter(
          ({ repo, ctor, sample_opts }) =>
            repo === 'unipc' && (ctor.variant !== 'vary_coeff' || sample_opts.order === 1),
        )
        .map((run) => {
          const { variant } = run.ctor
          const solver = unipc({
            order: run.sample_opts.order,
            variant: variant === 'bh1' ? 'bh1' : 'bh2',
            // The variant with varying coefficients is the one that solves for all of them.
            rho: variant === 'vary_coeff' ? 'solved' : 'paper',
            interpolated: interpolatedOf(run),
          })
          return [run.id, deviation(solver, ddpmPath, recordedOf(run), 0)]
        }),
    )
  })
})
