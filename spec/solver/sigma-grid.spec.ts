import { describe, expect, it } from 'vitest'
import { betaQuantile, ddpm, dynamicShift, flow } from '../../lib/path/index.js'
import { beta, exponential, karras, shifted, stretched, trailing, type Grid } from '../../lib/solver/index.js'
import { fixture } from './golden.js'

const variance = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
const straight = flow()

const ratios = (grid: Grid): ReadonlyArray<number> => grid.map(({ alpha, sigma }) => sigma / alpha)

const close = (got: ReadonlyArray<number>, wanted: ReadonlyArray<number>, tolerance = 1e-11) => {
  expect(got).toHaveLength(wanted.length)
  wanted.forEach((value, i) => {
    expect(Math.abs(got[i] - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)))
  })
}

type Opts = {
  readonly use_karras_sigmas?: boolean
  readonly use_exponential_sigmas?: boolean
  readonly use_lu_lambdas?: boolean
  readonly use_beta_sigmas?: boolean
  readonly sigma_min?: number
  readonly sigma_max?: number
}

const { entries, beta_ppf_scipy_1_17_1, kdiffusion } = fixture('schedules-sigmas') as {
  entries: ReadonlyArray<{
    cls: string
    opts: Opts
    num_inference_steps: number
    sigmas: ReadonlyArray<number>
  }>
  beta_ppf_scipy_1_17_1: ReadonlyArray<{ q: number; alpha: number; beta: number; ppf: number }>
  kdiffusion: ReadonlyArray<{
    fn: string
    n: number
    sigma_min?: number
    sigma_max?: number
    rho?: number
    sigmas: ReadonlyArray<number>
  }>
}

describe('grids in sigma', () => {
  it("are diffusers'", () => {
    for (const { opts, num_inference_steps: n, sigmas } of entries) {
      const range = {
        ...(opts.sigma_min === undefined ? {} : { sigmaMin: opts.sigma_min }),
        ...(opts.sigma_max === undefined ? {} : { sigmaMax: opts.sigma_max }),
      }
      const grid =
        opts.use_karras_sigmas === true
          ? karras(variance, n, range)
          : opts.use_beta_sigmas === true
            ? beta(variance, n, range)
            : exponential(variance, n, range)
      // Heun repeats sigmas, and the last one may be the last but one again; only what comes before matters here.
      const expected = sigmas.slice(0, -1).filter((sigma, i) => sigma !== sigmas[i - 1])
      close(ratios(grid.slice(0, -1)), expected, 1e-10)
    }
  })

  it("are k-diffusion's", () => {
    for (const { fn, n, sigma_min: sigmaMin, sigma_max: sigmaMax, rho, sigmas } of kdiffusion) {
      if (sigmaMin === undefined || sigmaMax === undefined) continue
      const grid = fn.endsWith('karras')
        ? karras(variance, n, { sigmaMin, sigmaMax, rho: rho ?? 7 })
        : exponential(variance, n, { sigmaMin, sigmaMax, power: rho ?? 1 })
      close(ratios(grid), sigmas)
    }
  })

  it('start and end where the path does', () => {
    const zeroSnr = ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })
    for (const path of [variance, straight, zeroSnr])
      for (const grid of [karras, exponential, beta])
        for (const n of [1, 2, 7]) {
          const points = grid(path, n)
          expect(points).toHaveLength(n + 1)
          expect(points[n]).toBe(path.clean)
          // Pure noise has no sigma/alpha: 2^12 stands in for it.
          if (path !== zeroSnr) expect(points[0].timestep).toBeCloseTo(path.noisiest.timestep, 0)
          for (let i = 1; i <= n; i++) expect(points[i].sigma).toBeLessThan(points[i - 1].sigma)
        }
    expect(() => karras(variance, 5, { sigmaMin: 3, sigmaMax: 2 })).toThrow(RangeError)
  })
})

describe('quantiles of the beta distribution', () => {
  it("are scipy's", () => {
    for (const { q, alpha, beta, ppf } of beta_ppf_scipy_1_17_1)
      close([betaQuantile(q, alpha, beta)], [ppf], 1e-12)
    expect(() => betaQuantile(1.1, 1, 1)).toThrow(RangeError)
  })
})

describe('shifted grids', () => {
  const { flow_match_euler, calculate_shift } = fixture('schedules-flow') as {
    flow_match_euler: ReadonlyArray<{
      cls: string
      opts: Opts & {
        shift?: number
        shift_terminal?: number
        time_shift_type?: string
        invert_sigmas?: boolean
      }
      set_timesteps: { sigmas?: ReadonlyArray<number>; mu?: number }
      sigmas: ReadonlyArray<number>
    }>
    calculate_shift: ReadonlyArray<{ image_seq_len: number; mu: number }>
  }
  it("are diffusers' for given sigmas", () => {
    let compared = 0
    for (const { opts, set_timesteps, sigmas } of flow_match_euler) {
      // Without sigmas the class shifts twice; see its own note.
      if (set_timesteps.sigmas === undefined || opts.invert_sigmas === true) continue
      const { shift = 1, shift_terminal, time_shift_type } = opts
      const { mu } = set_timesteps
      const by = mu === undefined ? shift : time_shift_type === 'linear' ? mu : Math.exp(mu)
      const moved = shifted(straight, trailing(straight, set_timesteps.sigmas.length), by)
      const grid = shift_terminal === undefined ? moved : stretched(straight, moved, shift_terminal)
      close(
        grid.map(({ sigma }) => sigma),
        sigmas,
      )
      compared++
    }
    expect(compared).toBeGreaterThan(20)
  })
  it("are diffusers' where sigmas of the flow path are laid out anew", () => {
    const layouts = [
      ['use_karras_sigmas', karras],
      ['use_exponential_sigmas', exponential],
      ['use_beta_sigmas', beta],
    ] as const
    for (const [option, layout] of layouts) {
      const runs = flow_match_euler.filter(({ opts }) => opts[option] === true)
      expect(runs.length).toBeGreaterThan(0)
      for (const { sigmas } of runs) {
        const n = sigmas.length - 1
        const grid = layout(straight, n, { sigmaMin: sigmas[n - 1], sigmaMax: 1 })
        close(
          grid.map(({ sigma }) => sigma),
          sigmas,
        )
      }
    }
  })
  it('grow with the image', () => {
    for (const { image_seq_len, mu } of calculate_shift) close([Math.log(dynamicShift(image_seq_len))], [mu])
  })
  it('keep both ends', () => {
    const grid = shifted(straight, trailing(straight, 4), 3)
    expect(grid[0]).toEqual(straight.noisiest)
    expect(grid[4]).toEqual(straight.clean)
    expect(() => shifted(straight, grid, 0)).toThrow(RangeError)
    expect(() => stretched(straight, grid, 1)).toThrow(RangeError)
  })
})
