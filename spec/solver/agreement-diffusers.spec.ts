import { describe, it } from 'vitest'
import { deis, dpm, dpmSinglestep, euler, heun, unipc, type Solver } from '../../lib/solver/index.js'
import { pathOf, recordedOf, repeatedAtEnd, runs, type DiffusersRun } from './diffusers.js'
import { agree, deviation } from './golden.js'

const orderOf = ({ opts }: DiffusersRun): number =>
  typeof opts.solver_order === 'number' ? opts.solver_order : 2

const dpmOf = (run: DiffusersRun): Solver => {
  const { opts } = run
  const order = orderOf(run)
  return dpm({
    order: order === 1 || order === 3 ? order : 2,
    type: opts.solver_type === 'heun' ? 'heun' : 'midpoint',
    interpolated: opts.algorithm_type === 'dpmsolver' ? 'noise' : 'data',
    lowerBelow: opts.lower_order_final === false ? 0 : 15,
  })
}

const unipcOf = (run: DiffusersRun): Solver =>
  unipc({
    order: orderOf(run),
    variant: run.opts.solver_type === 'bh1' ? 'bh1' : 'bh2',
    corrector: run.opts.disable_corrector === undefined,
    interpolated: run.opts.predict_x0 === false ? 'noise' : 'data',
    lowerBelow: run.opts.lower_order_final === false ? 0 : Infinity,
  })

/** Where a scheduler knows how many steps of its grid follow a partial trajectory. */
const aheadOf = ({ target_t, space, f64 }: DiffusersRun): number =>
  f64.sigmas?.[f64.sigmas.length - 1] === 0 ? 0 : (target_t ?? 0) + (space === 'flow' ? 0 : 1)

const compare = (
  file: string,
  solverOf: (run: DiffusersRun) => Solver,
  only: (run: DiffusersRun) => boolean = () => true,
) => {
  agree(
    file,
    runs(file)
      .filter(only)
      .map((run) => [
        run.id,
        deviation(
          solverOf(run),
          pathOf(run),
          recordedOf(run),
          run.target_t === undefined ? repeatedAtEnd(run) : aheadOf(run),
        ),
      ]),
  )
}

describe('agreement with diffusers, whole grids', () => {
  it('Euler', () => {
    compare('traj-euler', euler)
  })
  it('Euler on the flow path', () => {
    compare('traj-flowmatch', euler, (run) => run.cls === 'FlowMatchEulerDiscreteScheduler')
  })
  it('DDIM, eta 0: step by step, since its next point is not the next entry of its own grid', () => {
    const steps = runs('traj-ddim')
      .filter((run) => run.opts.clip_sample === false)
      .flatMap((run) => {
        const { eval_alpha, eval_sigma, next_alpha = [], next_sigma = [], x } = run.f64
        const whole = recordedOf(run)
        return x.map((state, i) => {
          const points = [
            { timestep: 1, alpha: eval_alpha[i], sigma: eval_sigma[i] },
            { timestep: 0, alpha: next_alpha[i], sigma: next_sigma[i] },
          ]
          const from = i === 0 ? whole.x : x[i - 1]
          const step = { ...whole, id: `${run.id} step ${i}`, points, x: from, states: [state] }
          return [step.id, deviation(euler(), pathOf(run), step)] as const
        })
      })
    agree('traj-ddim (steps)', steps)
  })
  it('DPM-Solver++ multistep', () => {
    compare('traj-dpmpp-multistep-orders', dpmOf)
    // euler_at_final changes the last step alone, which no order here does.
    compare('traj-dpmpp-multistep-variants', dpmOf, (run) => run.opts.euler_at_final !== true)
  })
  it('DPM-Solver++ singlestep', () => {
    compare('traj-dpmpp-singlestep', (run) => {
      const { solver_order, solver_type, lower_order_final } = run.opts
      if (solver_order === 1) return euler()
      return dpmSinglestep({
        order: solver_order === 3 ? 3 : 2,
        type: solver_type === 'heun' ? 'heun' : 'midpoint',
        lowerOrderFinal: lower_order_final !== false,
      })
    })
  })
  it('DEIS', () => {
    compare('traj-deis', (run) => {
      const order = orderOf(run)
      return deis({
        order: order === 1 || order === 3 ? order : 2,
        lowerBelow: run.opts.lower_order_final === false ? 0 : 15,
      })
    })
  })
  it('Heun', () => {
    compare('traj-heun', heun)
    compare('traj-flowmatch', heun, (run) => run.cls === 'FlowMatchHeunDiscreteScheduler')
  })
  it('UniPC', () => {
    const corrector = ({ opts, f64 }: DiffusersRun) =>
      !Array.isArray(opts.disable_corrector) || opts.disable_corrector.length === f64.x.length
    compare('traj-unipc-orders', unipcOf)
    // One run repeats its last sigma: a step of no length, whose evaluation still corrects the state before it. Here it is no step.
    compare('traj-unipc-variants', unipcOf, (run) => corrector(run) && repeatedAtEnd(run) === 0)
  })
})

describe('agreement with diffusers, unit steps in the middle of the grid', () => {
  const solverOf = (run: DiffusersRun): Solver =>
    run.cls === 'UniPCMultistepScheduler'
      ? unipcOf(run)
      : run.cls === 'DPMSolverMultistepScheduler'
        ? dpm({ order: 2, lowerBelow: 0 })
        : euler()
  it.each(['partial-diffusers-epsilon', 'partial-diffusers-v', 'partial-diffusers-flow'])('%s', (file) => {
    compare(file, solverOf)
  })
})
