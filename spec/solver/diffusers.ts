import { ddpm, flow, type Path, type Point } from '../../lib/path/index.js'
import { fixture, mixtures, parameterisationOf, pointOf, type Recorded, type Space } from './golden.js'

type Options = Readonly<Record<string, unknown>>

/** One recorded run of a diffusers scheduler. */
export type DiffusersRun = {
  readonly id: string
  readonly cls: string
  readonly opts: Options
  readonly space: Space
  readonly pred: string
  readonly model: string
  readonly x_init?: ReadonlyArray<number>
  readonly target_t?: number
  readonly k?: number
  readonly f64: {
    readonly timesteps: ReadonlyArray<number>
    /** Absent for DDIM, which knows only where each step goes next. */
    readonly sigmas?: ReadonlyArray<number>
    readonly x_init?: ReadonlyArray<number>
    readonly x: ReadonlyArray<ReadonlyArray<number>>
    readonly eval_alpha: ReadonlyArray<number>
    readonly eval_sigma: ReadonlyArray<number>
    readonly next_alpha?: ReadonlyArray<number>
    readonly next_sigma?: ReadonlyArray<number>
  }
}

export const runs = (file: string): ReadonlyArray<DiffusersRun> =>
  (fixture(file) as { trajectories: ReadonlyArray<DiffusersRun> }).trajectories

const flowPath = flow()
const ddpmPath = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })

export const pathOf = ({ space }: { readonly space: Space }): Path => (space === 'flow' ? flowPath : ddpmPath)

const pointsOf = ({ space, f64 }: DiffusersRun): ReadonlyArray<Point> => {
  const { sigmas, timesteps, eval_alpha, eval_sigma, next_alpha = [], next_sigma = [] } = f64
  if (sigmas !== undefined) return sigmas.map((sigma, i) => pointOf(space, sigma, timesteps[i] ?? 0))
  return [...eval_alpha, next_alpha[next_alpha.length - 1]].map((alpha, i) => ({
    timestep: timesteps[i] ?? 0,
    alpha,
    sigma: i < eval_sigma.length ? eval_sigma[i] : next_sigma[next_sigma.length - 1],
  }))
}

export const recordedOf = (run: DiffusersRun): Recorded => ({
  id: run.id,
  points: pointsOf(run),
  space: run.space,
  parameterisation: parameterisationOf(run.pred),
  mixture: mixtures[run.model],
  x: run.f64.x_init ?? run.x_init ?? [],
  states: run.f64.x,
})

/** Steps a scheduler counts but a route merges away, because they repeat the last sigma. */
export const repeatedAtEnd = ({ f64: { sigmas = [] } }: DiffusersRun): number =>
  sigmas.length > 1 && sigmas[sigmas.length - 1] === sigmas[sigmas.length - 2] ? 1 : 0
