import { readFileSync } from 'node:fs'
import { type Loss, mean, minSnr, mse, type PerSample, sigmaSquared, softMinSnr, weighted } from 'deriva/loss'
import { constant } from 'deriva/onnx'
import { ddpm } from 'deriva/path'
import { float32, type Parameterisation } from 'deriva/types'
import fc from 'fast-check'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'
import { runLossOf } from './run-loss.js'

const numbers = t.array(t.number)
const BetaSchedule = t.keyof({ linear: null, scaled_linear: null, squaredcos_cap_v2: null })
const Options = t.intersection([
  t.type({ beta_schedule: BetaSchedule }),
  t.partial({ beta_start: t.number, beta_end: t.number, rescale_betas_zero_snr: t.boolean }),
])
const Snr = t.type({
  snr: t.array(
    t.type({
      opts: Options,
      t: numbers,
      gamma: t.number,
      sigma_data: t.number,
      snr_f64: numbers,
      soft_min_snr_f64: numbers,
      min_snr_weight_epsilon_f64: numbers,
      min_snr_weight_v_f64: numbers,
    }),
  ),
})
const MinSnrLoss = t.type({
  min_snr_loss: t.array(
    t.type({
      prediction_type: t.keyof({ epsilon: null, v_prediction: null }),
      gamma: t.number,
      t: numbers,
      opts: Options,
      shape: numbers,
      latents: numbers,
      noise: numbers,
      model_pred: numbers,
      f64: t.type({ total: t.number, grad_model_pred: numbers }),
    }),
  ),
})
const read = <A>(codec: t.Type<A, unknown>, name: string): A => {
  const file: unknown = JSON.parse(
    readFileSync(new URL(`../fixtures/solvers/${name}.json`, import.meta.url), 'utf8'),
  )
  if (!codec.is(file)) throw new Error(`${name} has another form than expected`)
  return file
}
const { snr } = read(Snr, 'schedules-noise-snr')
const { min_snr_loss } = read(MinSnrLoss, 'reflexflow-loss')

const pathOf = (opts: t.TypeOf<typeof Options>) =>
  ddpm({
    betaSchedule: opts.beta_schedule,
    ...(opts.beta_start !== undefined && { betaStart: opts.beta_start }),
    ...(opts.beta_end !== undefined && { betaEnd: opts.beta_end }),
    rescaleZeroTerminalSnr: opts.rescale_betas_zero_snr === true,
  })

/** The weight itself, as a graph computes it: the loss is 1 everywhere. */
const weights = async <P extends Parameterisation>(
  parameterisation: P,
  weight: PerSample<P>,
  points: ReadonlyArray<{ readonly alpha: number; readonly sigma: number }>,
): Promise<ReadonlyArray<number>> => {
  const one: Loss<P> = mean('one', () =>
    constant(
      float32(
        [points.length, 1],
        points.map(() => 1),
      ),
    ),
  )
  const zeros = points.map(() => 0)
  const { terms } = await runLossOf(parameterisation, weighted(weight)(one), {
    shape: [points.length, 1],
    prediction: zeros,
    target: zeros,
    latents: zeros,
    data: zeros,
    alpha: points.map(({ alpha }) => alpha),
    sigma: points.map(({ sigma }) => sigma),
  })
  return terms['one']
}

const closeTo = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>): void => {
  expect(actual.length).toBe(expected.length)
  actual.forEach((x, i) => {
    expect(Math.abs(x - expected[i])).toBeLessThanOrEqual(2e-6 * Math.max(1e-4, Math.abs(expected[i])))
  })
}

describe('weights by noise level', () => {
  it.each(snr.map((entry, i) => ({ ...entry, id: `${entry.opts.beta_schedule} ${i}` })))(
    "$id: SimpleTuner's min-SNR and soft-min-SNR weights",
    async (entry) => {
      const points = entry.t.map((timestep) => pathOf(entry.opts).at(timestep))
      closeTo(await weights('epsilon', minSnr(entry.gamma), points), entry.min_snr_weight_epsilon_f64)
      closeTo(await weights('v_prediction', minSnr(entry.gamma), points), entry.min_snr_weight_v_f64)
      closeTo(
        await weights('sample', minSnr(entry.gamma), points),
        entry.snr_f64.map((x) => Math.min(x, entry.gamma)),
      )
      closeTo(
        await weights('epsilon', softMinSnr({ sigmaData: entry.sigma_data }), points),
        entry.soft_min_snr_f64,
      )
      closeTo(
        await weights('epsilon', sigmaSquared, points),
        entry.snr_f64.map((x) => 1 / (1 + x)),
      )
    },
  )

  it('are values, not 0/0, in pure noise and on clean data', async () => {
    const ends = [
      { alpha: 0, sigma: 1 },
      { alpha: 1, sigma: 0 },
    ]
    expect(await weights('epsilon', minSnr(5), ends)).toEqual([1, 0])
    expect(await weights('v_prediction', minSnr(5), ends)).toEqual([0, 0])
    expect(await weights('sample', minSnr(5), ends)).toEqual([0, 5])
    expect(await weights('epsilon', softMinSnr(), ends)).toEqual([0.25, 0])
    expect(await weights('flow_matching', sigmaSquared, ends)).toEqual([1, 0])
  })

  it('agree across parameterisations: each is the same loss in x0', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.05, max: 1.5, noNaN: true }), async (angle) => {
        const point = { alpha: Math.cos(angle), sigma: Math.sin(angle) }
        const ratio = (point.alpha / point.sigma) ** 2
        const [e] = await weights('epsilon', minSnr(5), [point])
        const [v] = await weights('v_prediction', minSnr(5), [point])
        const [x] = await weights('sample', minSnr(5), [point])
        expect(e * ratio).toBeCloseTo(x, 4)
        expect(v * (ratio + 1)).toBeCloseTo(x, 4)
      }),
      { numRuns: 10 },
    )
  })
})

describe('the min-SNR loss', () => {
  it.each(min_snr_loss.map((entry, i) => ({ ...entry, id: `${entry.prediction_type} ${i}` })))(
    "$id: value and gradient of SimpleTuner's",
    async ({ prediction_type, gamma, t: times, opts, shape, latents, noise, model_pred, f64 }) => {
      const points = times.map((timestep) => pathOf(opts).at(timestep))
      const elements = latents.length / points.length
      const target = noise.map((e, i) => {
        const { alpha, sigma } = points[Math.floor(i / elements)]
        return prediction_type === 'epsilon' ? e : alpha * e - sigma * latents[i]
      })
      const { total, gradient } = await runLossOf<'epsilon' | 'v_prediction'>(
        prediction_type,
        gamma === 0 ? mse : weighted(minSnr(gamma))(mse),
        {
          shape,
          prediction: model_pred,
          target,
          latents,
          data: latents,
          alpha: points.map(({ alpha }) => alpha),
          sigma: points.map(({ sigma }) => sigma),
        },
      )
      closeTo([total], [f64.total])
      const largest = Math.max(...f64.grad_model_pred.map(Math.abs))
      gradient.forEach((g, i) => {
        expect(Math.abs(g - f64.grad_model_pred[i]) / largest).toBeLessThan(2e-6)
      })
    },
  )
})
