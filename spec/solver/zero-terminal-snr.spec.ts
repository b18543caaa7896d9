import { betaSchedules, ddpm, type Point, toData } from 'deriva/path'
import { execute, program, shifted, solverNames, solvers, trailing } from 'deriva/solver'
import { describe, expect, it } from 'vitest'

/** Data of one point: whatever the noise, every trajectory of its perfect model ends there. */
const point = 0.7
const models = {
  v_prediction: (x: number, { alpha, sigma }: Point) =>
    (alpha * (x - alpha * point)) / (sigma || 1) - sigma * point,
  sample: () => point,
} as const

const trials = solverNames.flatMap((name) => solvers[name].orders.map((order) => [name, order] as const))

describe('rescaled to zero terminal SNR', () => {
  it.each(trials)('%s of order %i starts from pure noise and finds the data', (name, order) => {
    for (const betaSchedule of betaSchedules) {
      const path = ddpm({ betaSchedule, rescaleZeroTerminalSnr: true })
      for (const parameterisation of ['v_prediction', 'sample'] as const)
        for (const grid of [trailing(path, 4), trailing(path, 10), shifted(path, trailing(path, 10), 3)]) {
          const steps = program(solvers[name]({ order }), path, parameterisation, grid)
          const [{ at }] = steps.evaluations
          expect([at.timestep, at.alpha, at.sigma]).toEqual([999, 0, 1])
          const ends = execute(
            steps,
            (x, where) => x.map((value) => models[parameterisation](value, where)),
            Float64Array.of(-1.5, 0, 0.4, 2),
          )
          for (const end of ends) expect(Math.abs(end - point)).toBeLessThan(1e-6)
        }
    }
  })

  it('reads the data off a v-prediction where no signal is left, which a noise prediction cannot tell', () => {
    const { noisiest } = ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })
    expect(noisiest.alpha).toBe(0)
    // v = −x0 there: Lin et al. 2023, section 3.2.
    expect(toData('v_prediction', noisiest)).toEqual({ latent: 0, prediction: -1 })
    expect(toData('epsilon', noisiest).latent).toBe(2 ** 12)
  })

  it.each(trials)('%s of order %i has finite coefficients for a noise prediction', (name, order) => {
    const path = ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })
    const { evaluations } = program(solvers[name]({ order }), path, 'epsilon', trailing(path, 10))
    for (const { mix } of evaluations) expect(mix.every(Number.isFinite)).toBe(true)
  })
})
