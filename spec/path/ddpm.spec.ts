import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alphasCumprod, betaSchedules, ddpm, lambda, type DdpmOptions } from '../../lib/path/index.js'

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/solvers/${name}.json`, import.meta.url), 'utf8'))

type Opts = {
  readonly beta_schedule: DdpmOptions['betaSchedule']
  readonly beta_start?: number
  readonly beta_end?: number
  readonly rescale_betas_zero_snr?: boolean
  readonly num_train_timesteps?: number
}

const optionsOf = (opts: Opts): DdpmOptions => ({
  betaSchedule: opts.beta_schedule,
  ...(opts.beta_start === undefined ? {} : { betaStart: opts.beta_start }),
  ...(opts.beta_end === undefined ? {} : { betaEnd: opts.beta_end }),
  ...(opts.num_train_timesteps === undefined ? {} : { timesteps: opts.num_train_timesteps }),
  rescaleZeroTerminalSnr: opts.rescale_betas_zero_snr ?? false,
})

const close = (x: number, y: number, tolerance = 1e-12) => {
  expect(Math.abs(x - y)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(y)))
}

const zeroSnr = ddpm({
  betaSchedule: 'scaled_linear',
  betaStart: 0.00085,
  betaEnd: 0.012,
  rescaleZeroTerminalSnr: true,
})
const paths = [
  ...betaSchedules.map((betaSchedule) => ddpm({ betaSchedule })),
  ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 }),
  zeroSnr,
]

describe('the table of a ddpm path', () => {
  const { entries } = fixture('schedules-alphas-cumprod') as {
    entries: ReadonlyArray<{ opts: Opts; alphas_cumprod_f64: ReadonlyArray<number> }>
  }
  it.each(entries)(
    "is diffusers' ($opts.beta_schedule, rescaled: $opts.rescale_betas_zero_snr)",
    ({ opts, alphas_cumprod_f64 }) => {
      const table = alphasCumprod(optionsOf(opts))
      expect(table).toHaveLength(alphas_cumprod_f64.length)
      alphas_cumprod_f64.forEach((value, t) => {
        // Relative, since the noisy end is what trajectories start from; a rescaled table loses digits there to its subtraction.
        close(table[t] / value || 0, value === 0 ? 0 : 1, opts.rescale_betas_zero_snr === true ? 1e-9 : 1e-12)
      })
    },
  )

  const { add_noise } = fixture('schedules-noise-snr') as {
    add_noise: ReadonlyArray<{
      opts: Opts
      x0: ReadonlyArray<number>
      noise: ReadonlyArray<number>
      t: ReadonlyArray<number>
      noisy_f64: ReadonlyArray<number>
      velocity_f64: ReadonlyArray<number>
    }>
  }
  it('noises like diffusers', () => {
    for (const { opts, x0, noise, t, noisy_f64, velocity_f64 } of add_noise) {
      const path = ddpm(optionsOf(opts))
      x0.forEach((x, i) => {
        // A batch of samples of equal size, each at its own timestep.
        const { alpha, sigma } = path.at(t[Math.floor((i * t.length) / x0.length)])
        close(alpha * x + sigma * noise[i], noisy_f64[i])
        close(alpha * noise[i] - sigma * x, velocity_f64[i])
      })
    }
  })

  it('refuses betas outside (0, 1) and empty grids', () => {
    expect(() => alphasCumprod({ betaSchedule: 'linear', betaEnd: 1 })).toThrow(RangeError)
    expect(() => alphasCumprod({ betaSchedule: 'linear', timesteps: 0 })).toThrow(RangeError)
  })
})

describe('a ddpm path', () => {
  const somePath = fc.constantFrom(...paths)
  it('keeps the variance: alpha² + sigma² = 1, at any timestep', () => {
    fc.assert(
      fc.property(somePath, fc.double({ min: 0, max: 999, noNaN: true }), (path, t) => {
        const { alpha, sigma, timestep } = path.at(t)
        close(alpha * alpha + sigma * sigma, 1)
        expect(timestep).toBe(t)
      }),
    )
  })
  it('finds a timestep again from its lambda', () => {
    fc.assert(
      fc.property(somePath, fc.double({ min: 0, max: 999, noNaN: true }), (path, t) => {
        close(path.atLambda(lambda(path.at(t))).timestep, t, 1e-9)
      }),
    )
  })
  it('has lambda fall strictly with the timestep', () => {
    fc.assert(
      fc.property(somePath, fc.double({ min: 0, max: 998.9, noNaN: true }), (path, t) => {
        expect(lambda(path.at(t + 0.1))).toBeLessThan(lambda(path.at(t)))
      }),
    )
  })
  it('gives exactly the lambda asked for, off the grid too, where the timestep is the nearest', () => {
    fc.assert(
      fc.property(somePath, fc.double({ min: -15, max: 15, noNaN: true }), (path, wanted) => {
        const at = path.atLambda(wanted)
        close(lambda(at), wanted, 1e-12)
        expect(at.timestep).toBeGreaterThanOrEqual(0)
        expect(at.timestep).toBeLessThanOrEqual(999)
      }),
    )
    expect(zeroSnr.atLambda(Infinity)).toEqual(zeroSnr.clean)
    expect(zeroSnr.atLambda(-Infinity)).toEqual({ timestep: 999, alpha: 0, sigma: 1 })
  })
  it('ends in pure noise when rescaled', () => {
    expect(zeroSnr.noisiest).toEqual({ timestep: 999, alpha: 0, sigma: 1 })
  })
  it('refuses timesteps off the grid', () => {
    expect(() => zeroSnr.at(-1)).toThrow(RangeError)
    expect(() => zeroSnr.at(999.5)).toThrow(RangeError)
    expect(() => zeroSnr.at(NaN)).toThrow(RangeError)
  })
})
