import {
  clamped,
  exponentialThreshold,
  huber,
  huberSchedules,
  type Loss,
  mapElements,
  mapSamples,
  masked,
  mean,
  mse,
  type Pointwise,
  smoothL1,
  snrThreshold,
  squaredError,
} from 'deriva/loss'
import { abs, add, log, sub } from 'deriva/onnx'
import { ddpm, flow } from 'deriva/path'
import { float32, type Parameterisation } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { type LossValues, runLoss } from './run-loss.js'

const shape = [2, 3]
const errors = [0, 1e-3, -0.3, 2, -5, 0.01]
const values: LossValues = {
  shape,
  prediction: errors.map((e) => e + 0.5),
  target: errors.map(() => 0.5),
  latents: errors,
  data: errors,
}
const meanOf = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length
const perSample = (f: (e: number, i: number) => number): ReadonlyArray<number> => [
  meanOf(errors.slice(0, 3).map((e, i) => f(e, i))),
  meanOf(errors.slice(3).map((e, i) => f(e, i + 3))),
]
const expectTerm = async (
  loss: Loss<'flow_matching', string>,
  expected: ReadonlyArray<number>,
  given: Partial<LossValues> = {},
): Promise<void> => {
  const [term] = Object.values((await runLoss(loss, { ...values, ...given })).terms)
  expected.forEach((x, i) => {
    expect(Math.abs(term[i] - x)).toBeLessThanOrEqual(1e-5 * Math.max(0.01, Math.abs(x)))
  })
}
const pseudo = (e: number, c: number): number => Math.sqrt(e * e + c * c) - c

describe('huber and smooth L1', () => {
  it('are 2c·(√(e² + c²) − c) and 2·(√(e² + c²) − c)', async () => {
    await expectTerm(
      mean('huber', huber(0.1)),
      perSample((e) => 0.2 * pseudo(e, 0.1)),
    )
    await expectTerm(
      mean('smooth_l1', smoothL1(0.1)),
      perSample((e) => 2 * pseudo(e, 0.1)),
    )
  })

  it('do not lose small errors between large numbers', async () => {
    const small = { prediction: errors.map(() => 0.5 + 2 ** -12) }
    const { terms, gradient } = await runLoss(mean('huber', huber(10)), { ...values, ...small })
    expect(terms['huber'][0] / 2 ** -24).toBeCloseTo(1, 5)
    expect(gradient[0] / (2 ** -11 / 6)).toBeCloseTo(1, 5)
  })

  it('take one threshold a sample, scheduled as sd-scripts does', async () => {
    const path = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })
    const timestep = [250, 900]
    const points = timestep.map((t) => path.at(t))
    const levels = { timestep, alpha: points.map(({ alpha }) => alpha), sigma: points.map((p) => p.sigma) }
    const of = (i: number): 0 | 1 => (i < 3 ? 0 : 1)
    const exponential = timestep.map((t) => Math.exp((Math.log(0.1) / 1000) * t))
    const snr = points.map(({ alpha, sigma }) => 0.9 / (1 + sigma / alpha) ** 2 + 0.1)
    await expectTerm(
      mean('huber', huber(exponentialThreshold(0.1))),
      perSample((e, i) => 2 * exponential[of(i)] * pseudo(e, exponential[of(i)])),
      levels,
    )
    await expectTerm(
      mean('smooth_l1', smoothL1(snrThreshold(0.1))),
      perSample((e, i) => 2 * pseudo(e, snr[of(i)])),
      levels,
    )
    expect(Object.keys(huberSchedules)).toEqual(['constant', 'exponential', 'snr'])
  })

  it('have thresholds from 1 on clean data to c in pure noise, ends included', async () => {
    const ends = [flow().at(0), flow().at(1000)]
    const levels = {
      timestep: ends.map((p) => p.timestep),
      alpha: ends.map((p) => p.alpha),
      sigma: ends.map((p) => p.sigma),
    }
    for (const threshold of [exponentialThreshold(0.1), snrThreshold(0.1)])
      await expectTerm(
        mean('huber', huber(threshold)),
        perSample((e, i) => {
          const c = i < 3 ? 1 : 0.1
          return 2 * c * pseudo(e, c)
        }),
        levels,
      )
  })
})

describe('masked', () => {
  const mask = [1, 0, 0.5, 0, 0, 0]
  const given = { given: { mask: float32(shape, mask) } }

  it('counts elements where the mask says so, and learns nothing elsewhere', async () => {
    await expectTerm(
      mean('mse', masked('mask')(squaredError)),
      perSample((e, i) => mask[i] * e * e),
      given,
    )
    const { gradient } = await runLoss(mean('mse', masked('mask')(squaredError)), { ...values, ...given })
    gradient.forEach((g, i) => {
      expect(g).toBeCloseTo((2 * mask[i] * errors[i]) / 6, 6)
    })
  })

  it('may divide by what it counts; an empty mask counts nothing', async () => {
    await expectTerm(
      mean('mse', masked('mask', { over: 'masked' })(squaredError)),
      [(0.5 * 0.09) / 1.5, 0],
      given,
    )
  })

  it('reads the mask under its own name', async () => {
    const named = { given: { inpainting: float32(shape, mask) } }
    await expectTerm(
      mean('mse', masked('inpainting')(squaredError)),
      perSample((e, i) => mask[i] * e * e),
      named,
    )
  })
})

describe('mapped losses', () => {
  it('apply a function to elements or to samples', async () => {
    await expectTerm(
      mean('log', mapElements((x) => log(add(1, x)))(squaredError)),
      perSample((e) => Math.log1p(e * e)),
    )
    await expectTerm(
      mapSamples((x) => log(add(1, x)))(mse),
      perSample((e) => e * e).map((x) => Math.log1p(x)),
    )
  })

  it('hold a sample at a largest loss, beyond which it teaches nothing', async () => {
    await expectTerm(clamped(1)(mse), [perSample((e) => e * e)[0], 1])
    const { gradient } = await runLoss(clamped(1)(mse), values)
    expect(gradient.slice(3).map(Math.abs)).toEqual([0, 0, 0])
    expect(gradient[2]).toBeCloseTo(-0.1, 6)
  })

  it('may be written by users, with a gradient for free', async () => {
    const absolute: Pointwise<Parameterisation> = ({ prediction, target }) => abs(sub(prediction, target))
    await expectTerm(
      mean('mae', absolute),
      perSample((e) => Math.abs(e)),
    )
    const { gradient } = await runLoss(mean('mae', absolute), values)
    gradient.forEach((g, i) => {
      expect(g).toBeCloseTo(Math.sign(errors[i]) / 6, 6)
    })
  })
})
