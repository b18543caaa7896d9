import { antiDrift, mse, scaled, sum } from 'deriva/loss'
import { ddpm, flow, type Path, target, toData } from 'deriva/path'
import { correctedTargets, noisedLatents, renoisedLatents } from 'deriva/rollout'
import { parameterisations } from 'deriva/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runLoss } from '../loss/run-loss.js'

const paths: ReadonlyArray<readonly [string, Path]> = [
  ['flow', flow()],
  ['ddpm', ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })],
  ['ddpm with zero terminal SNR', ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })],
]
const cases = paths.flatMap(([name, path]) =>
  parameterisations
    .filter((p) => path.family === 'flow' || p !== 'flow_matching')
    .map((parameterisation) => ({ name: `${name}, ${parameterisation}`, path, parameterisation })),
)
const number = fc.double({ min: -2, max: 2, noNaN: true })
const batch = fc.record({
  x0: fc.array(number, { minLength: 4, maxLength: 4 }).map((xs) => Float32Array.from(xs)),
  noise: fc.array(number, { minLength: 4, maxLength: 4 }).map((xs) => Float32Array.from(xs)),
  drift: fc.array(number, { minLength: 4, maxLength: 4 }),
  timesteps: fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 2, maxLength: 2 }),
})
const drifted = (
  path: Path,
  p: (typeof parameterisations)[number],
  { x0, noise, drift, timesteps }: typeof batch extends fc.Arbitrary<infer A> ? A : never,
) => {
  const ideal = noisedLatents(path, x0, noise, timesteps)
  const original = ideal.map((_, e) => {
    const { x0: a, epsilon: b } = target(p, path.at(timesteps[e >> 1]))
    return a * x0[e] + b * noise[e]
  })
  return { timesteps, target: original, ideal, latents: ideal.map((x, e) => x + drift[e]) }
}

describe.each(cases)('corrected targets: $name', ({ path, parameterisation }) => {
  it('are the original ones for undrifted latents, to the last digit, at every time', () => {
    fc.assert(
      fc.property(batch, (b) => {
        const still = drifted(path, parameterisation, { ...b, drift: [0, 0, 0, 0] })
        const corrected = correctedTargets(parameterisation, path, still)
        expect(corrected.every((x, e) => x === still.target[e])).toBe(true)
      }),
    )
  })

  it('lead from the drifted latents to the data, above the bound', () => {
    fc.assert(
      fc.property(batch, (b) => {
        const moved = drifted(path, parameterisation, b)
        const corrected = correctedTargets(parameterisation, path, moved)
        corrected.forEach((out, e) => {
          const point = path.at(b.timesteps[e >> 1])
          // Without data left, no prediction of noise leads to it.
          if (point.sigma < 0.05 || point.alpha < 0.05) return
          const { latent, prediction } = toData(parameterisation, point)
          expect(latent * moved.latents[e] + prediction * out).toBeCloseTo(b.x0[e], 3)
        })
      }),
    )
  })

  it('are the published quotients above the bound', () => {
    fc.assert(
      fc.property(batch, (b) => {
        const moved = drifted(path, parameterisation, b)
        const corrected = correctedTargets(parameterisation, path, moved)
        corrected.forEach((out, e) => {
          const { alpha, sigma } = path.at(b.timesteps[e >> 1])
          if (sigma < 0.05) return
          const x = moved.latents[e]
          const noise = (x - alpha * b.x0[e]) / sigma
          const expected = {
            epsilon: noise,
            v_prediction: alpha * noise - sigma * b.x0[e],
            sample: b.x0[e],
            flow_matching: (x - b.x0[e]) / sigma,
          }[parameterisation]
          expect(Math.abs(out - expected)).toBeLessThan(2e-5 * Math.max(1, Math.abs(expected)))
        })
      }),
    )
  })

  it('move by at most |drift| / smallestSigma, down to clean times', () => {
    fc.assert(
      fc.property(batch, fc.double({ min: 0.01, max: 0.5, noNaN: true }), (b, smallestSigma) => {
        const moved = drifted(path, parameterisation, b)
        const corrected = correctedTargets(parameterisation, path, moved, { smallestSigma })
        corrected.forEach((out, e) => {
          expect(Math.abs(out - moved.target[e])).toBeLessThanOrEqual(
            Math.abs(b.drift[e]) / smallestSigma + 1e-4,
          )
        })
      }),
    )
  })
})

describe('corrected flow targets', () => {
  it('are where anti-drift points: both losses vanish there together', async () => {
    const path = flow()
    const x0 = Float32Array.of(0.4, -1.2, 0.9, 0.1)
    const noise = Float32Array.of(-0.3, 0.8, 1.7, -0.6)
    const moved = drifted(path, 'flow_matching', {
      x0,
      noise,
      drift: [0.2, -0.1, 0.3, 0.05],
      timesteps: [100, 700],
    })
    const corrected = Array.from(correctedTargets('flow_matching', path, moved))
    const values = {
      shape: [2, 2],
      prediction: corrected,
      target: corrected,
      latents: Array.from(moved.latents),
      data: Array.from(x0),
    }
    const loss = sum<'flow_matching'>(mse, scaled(10)(antiDrift()))
    const { total, gradient } = await runLoss(loss, values)
    expect(total).toBeLessThan(1e-6)
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-4)
    // With the original target they disagree.
    const { terms } = await runLoss(loss, { ...values, prediction: Array.from(moved.target) })
    expect(Math.min(...terms['anti_drift'])).toBeGreaterThan(1e-3)
  })
})

describe('re-noised latents', () => {
  it.each(paths)('%s: stay on the schedule of their noise, and drift shrinks by alpha′/alpha', (_, path) => {
    fc.assert(
      fc.property(batch, fc.integer({ min: 0, max: 999 }), (b, extra) => {
        const { x0, noise, timesteps, drift } = b
        const to = timesteps.map((t) => Math.min(999, t + extra))
        const ideal = noisedLatents(path, x0, noise, timesteps)
        const there = noisedLatents(path, x0, noise, to)
        renoisedLatents(path, ideal, noise, timesteps, to).forEach((x, e) => {
          expect(x).toBeCloseTo(there[e], 4)
        })
        const moved = ideal.map((x, e) => x + drift[e])
        renoisedLatents(path, moved, noise, timesteps, to).forEach((x, e) => {
          if (timesteps[e >> 1] === to[e >> 1]) return
          const shrinkage = path.at(to[e >> 1]).alpha / path.at(timesteps[e >> 1]).alpha
          expect(x - there[e]).toBeCloseTo(shrinkage * drift[e], 3)
        })
      }),
    )
  })

  it("are SOAR's (1 − a)·x + a·noise on the flow path", () => {
    const [x] = renoisedLatents(flow(), Float32Array.of(0.2), Float32Array.of(-1.5), [400], [850])
    const a = (0.85 - 0.4) / (1 - 0.4)
    expect(x).toBeCloseTo((1 - a) * 0.2 - a * 1.5, 6)
  })

  it('are refused towards cleaner times', () => {
    expect(() => renoisedLatents(flow(), Float32Array.of(0), Float32Array.of(0), [5], [4])).toThrow(
      RangeError,
    )
  })
})
