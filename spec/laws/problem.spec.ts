import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { exactEnd, normalCdf, perfectDenoiser, type Mixture } from '../../lib/laws/index.js'
import { flow } from '../../lib/path/index.js'

type Entry = {
  readonly schedule: string
  readonly alpha_start: number
  readonly sigma_start: number
  readonly alpha_end: number
  readonly sigma_end: number
  readonly x_start: ReadonlyArray<number>
  readonly x_end: ReadonlyArray<number>
}

describe('trajectories known in closed form', () => {
  it.each(['analytic-gaussian', 'analytic-mixture'])('end where 40 digits say (%s)', (name) => {
    const { params, entries } = JSON.parse(
      readFileSync(new URL(`../fixtures/solvers/${name}.json`, import.meta.url), 'utf8'),
    ) as { params: Mixture; entries: ReadonlyArray<Entry> }
    for (const { alpha_start, sigma_start, alpha_end, sigma_end, x_start, x_end } of entries) {
      // A latent of k-diffusion's can be far out; the quantile there has few digits.
      x_start.forEach((x, i) => {
        const end = exactEnd(
          params,
          x,
          { timestep: 0, alpha: alpha_start, sigma: sigma_start },
          { timestep: 0, alpha: alpha_end, sigma: sigma_end },
        )
        expect(Math.abs(end - x_end[i])).toBeLessThan(1e-9 * Math.max(1, Math.abs(x_end[i])))
      })
    }
  })

  it('have a denoiser whose data and noise make up the latent', () => {
    const mixture = { w: [0.3, 0.7], m: [-1, 2], s: [0.1, 0.5] }
    const at = flow().at(400)
    const x = Float64Array.of(-2, 0.1, 1)
    const x0 = perfectDenoiser(mixture, 'sample')(x, at)
    const epsilon = perfectDenoiser(mixture, 'epsilon')(x, at)
    x.forEach((xi, i) => {
      expect(at.alpha * x0[i] + at.sigma * epsilon[i]).toBeCloseTo(xi, 12)
    })
  })
})

describe('the normal distribution function', () => {
  it('has the published values', () => {
    // Abramowitz & Stegun, table 26.1.
    expect(normalCdf(0)).toBe(0.5)
    expect(normalCdf(1)).toBeCloseTo(0.841344746068543, 14)
    expect(normalCdf(-2)).toBeCloseTo(0.022750131948179, 14)
    expect(normalCdf(-5) / 2.866515718791939e-7).toBeCloseTo(1, 12)
    expect(normalCdf(3.9999999) - normalCdf(4.0000001)).toBeCloseTo(0, 9)
  })
})
