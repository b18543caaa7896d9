import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ddpm, flow, target, toData, toNoise, toVelocity, type Point } from '../../lib/path/index.js'
import { parameterisations } from '../../lib/types/index.js'

const zeroSnr = ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })
const straight = flow()
/** Points away from the two ends, where some parameterisation says nothing about data or noise. */
const inside: fc.Arbitrary<Point> = fc.oneof(
  fc.double({ min: 1, max: 999, noNaN: true }).map(straight.at),
  fc.integer({ min: 0, max: 998 }).map(zeroSnr.at),
)
const value = fc.double({ min: -3, max: 3, noNaN: true })
const anyParameterisation = fc.constantFrom(...parameterisations)

const close = (x: number, y: number, scale = 1) => {
  expect(Math.abs(x - y)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(y), scale))
}

describe('parameterisations', () => {
  it('round-trip: what a perfect model predicts is read back as data, noise and velocity', () => {
    fc.assert(
      fc.property(anyParameterisation, inside, value, value, (parameterisation, at, x0, epsilon) => {
        const x = at.alpha * x0 + at.sigma * epsilon
        const wanted = target(parameterisation, at)
        const out = wanted.x0 * x0 + wanted.epsilon * epsilon
        const read = ({ latent, prediction }: { latent: number; prediction: number }) =>
          latent * x + prediction * out
        const scale = 10 / Math.min(at.alpha, at.sigma)
        close(read(toData(parameterisation, at)), x0, scale)
        close(read(toNoise(parameterisation, at)), epsilon, scale)
        close(read(toVelocity(parameterisation, at)), epsilon - x0, scale)
      }),
    )
  })
  it('stay finite where no data is left', () => {
    for (const parameterisation of parameterisations)
      for (const at of [straight.noisiest, zeroSnr.noisiest])
        for (const reading of [toData, toNoise, toVelocity]) {
          const { latent, prediction } = reading(parameterisation, at)
          expect(Number.isFinite(latent) && Number.isFinite(prediction)).toBe(true)
        }
  })
  it('read the data from a clean latent, whatever the model', () => {
    for (const parameterisation of parameterisations) {
      const { latent, prediction } = toData(parameterisation, straight.clean)
      const wanted = target(parameterisation, straight.clean)
      // With sigma = 0, x = x0, and a prediction's noise part must not matter.
      close(latent + prediction * wanted.x0, 1)
      close(prediction * wanted.epsilon, 0)
    }
  })
})
